"""Measure how the cost of a request grows with the tables (`make bench-scale`).

Each server is measured in one process, without a socket, on a large database and on a small one in turns. The
modules auth_server and protected_api run in the environment of their service, tables fills the databases.
"""
