"""The API's database as a SQLite file: its tables, transactions and statements, and how a page is found.

Whatever only SQLite knows is here. This room imports timesheets/.
"""
