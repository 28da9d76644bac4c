"""The tenant file: its schema, reading it, making the database equal to it, listing it.

It may import clients, keys and the modules beside the rooms.
"""
