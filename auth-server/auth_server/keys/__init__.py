"""The signing keys: their life, their store, their encryption at rest.

It may import database and the modules beside the rooms; it knows no HTTP.
"""
