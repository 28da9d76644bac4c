"""Measure the services beside bare Flask with the same gunicorn options: rates, p99, CPU time, memory."""
