"""The life of the signing keys: their states, their store, their encryption at rest.

It may import the database and the modules beside the rooms; it knows no HTTP.
"""
