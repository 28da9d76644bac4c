"""The timesheets: what callers send, what the API answers, the store, and what that needs of a database.

This room knows nothing of HTTP, tokens or the two databases, and imports no other room.
"""
