"""What only PostgreSQL 17 needs: its connections, its limits, its lock.

It imports no other room, and is imported by its name where DATABASE_URL asks for it (database/engine.py), so
that the base needs no psycopg.
"""
