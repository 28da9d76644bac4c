"""The HTTP endpoints, one module each: what a caller may request, and how the answers look.

It may import protocol, keys, database and the modules beside the rooms.
"""
