"""The API's database on PostgreSQL 17, by psycopg: its tables, connections and statements, and its pages.

Whatever only PostgreSQL knows is here. This room imports timesheets/; nothing imports it but the line in
databases.py that runs where DATABASE_URL is set, so that the base needs no psycopg.
"""
