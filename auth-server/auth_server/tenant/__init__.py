"""The tenant file: its schema, reading it, making the database equal to it, listing it.

It may import database and the modules beside the rooms.
"""
