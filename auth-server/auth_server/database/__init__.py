"""The tables, their migrations, and SQLite. What only PostgreSQL needs is a room of its own.

It imports no other room. Outside these two, `engine.begin()` is for one statement: on PostgreSQL only
`writing()` opens a transaction. What must happen once is a constraint of the tables.
"""
