"""The authorization server of the machine-to-machine flow."""
