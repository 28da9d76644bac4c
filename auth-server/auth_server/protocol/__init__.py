"""The rules of the OAuth RFCs: requests, client authentication, the grant, introspection, revocation.

It may import tokens, actions, clients, federation and the modules beside the rooms. It knows Flask's request,
but no app.
"""
