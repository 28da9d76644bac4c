"""A run of the job: who starts it, what is reported of it, the history of the last runs."""
