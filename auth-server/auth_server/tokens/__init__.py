"""Access tokens (RFC 9068): making them, and recognising them again.

It may import keys, database and the modules beside the rooms.
"""
