"""Metrics and traces of the three services: what `OVERLAY=observability` adds to each worker.

It reaches a service only by what the service offers anyway: the WSGI app and Flask's hooks around a request,
and values that the service's parts are given, such as the function that fetches a key set. Only
gunicorn.conf.py imports this package, which imports a service in its modules for that service alone.
"""
