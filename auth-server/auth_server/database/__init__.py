"""The tables, and what each kind of database needs: SQLite in a file, or PostgreSQL 17.

It imports no other room. Outside it, `engine.begin()` is for one statement: on PostgreSQL only `writing()`
opens a transaction. What must happen once is a constraint of the tables.
"""
