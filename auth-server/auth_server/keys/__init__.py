"""The signing keys: their life, their store, their encryption at rest.

It may import the modules beside the rooms; it knows no HTTP.
"""
