"""The authorization server.

Its rooms: endpoints, protocol, tokens, clients, federation, tenant, actions, keys.

The modules beside the rooms, such as database and errors, may be used by every room and import none. The
exceptions are app, cli and startup, which put the rooms together, and wsgi, which runs the app.
"""
