"""The tenant file, which declares APIs, clients and grants: reading, applying and listing it.

It may import clients and keys, and the modules beside the rooms.
"""
