"""Who may ask for tokens: the registered clients, their credentials, and when these were used.

It may import the database and the modules beside the rooms; it knows no HTTP.
"""
