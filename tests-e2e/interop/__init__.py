"""The interoperability suite: other people's programs, run against this stack or beside it.

A side (clients, APIs, infrastructure, other authorization servers) has one data file, one folder of
programs, one module in `sides/` that runs its rows, and one in `pages/` that writes its page of the docs.
What the last run measured is in `measured/`. `make interop` runs the rows. Each row's packages are installed
in an environment of their own, never in that of the tests.
"""
