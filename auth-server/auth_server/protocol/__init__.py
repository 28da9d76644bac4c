"""The rules of the OAuth RFCs: requests, client authentication, the grant, introspection, revocation.

It may import tokens, actions and clients, and the modules beside the rooms. It knows no Flask app.
"""
