"""The timesheets: what callers send, what the API answers, and the store in SQLite.

This room knows nothing of HTTP or tokens, and imports no other room.
"""
