"""Obtain access tokens and call APIs with them: the folder to copy.

It imports nothing of ours but itself, and needs requests; private_key_jwt.py also needs PyJWT[crypto].
"""
