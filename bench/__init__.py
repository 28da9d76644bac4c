"""Rates, p99, CPU time and memory of the services beside bare Flask on the same gunicorn options."""
