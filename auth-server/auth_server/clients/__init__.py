"""The registered clients: what they are granted, their credentials, and when these were used.

It may import database and the modules beside the rooms; it knows no HTTP.
"""
