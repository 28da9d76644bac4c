"""Obtain access tokens and call APIs with them: the folder to copy. It imports nothing of ours but itself."""
