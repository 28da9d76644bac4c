"""Making access tokens (RFC 9068) and recognising them again.

It may import keys and the modules beside the rooms.
"""
