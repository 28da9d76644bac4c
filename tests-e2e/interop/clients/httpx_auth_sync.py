import os
from pathlib import Path

import httpx
from httpx_auth import OAuth2, OAuth2ClientCredentials


def new_client():
    OAuth2.token_cache.clear()  # one cache for all clients of the process
    auth = OAuth2ClientCredentials(
        os.environ["TOKEN_URL"],
        os.environ["CLIENT_ID"],
        Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
        scope=os.environ["SCOPE"],
        audience=os.environ["AUDIENCE"],
    )
    return httpx.Client(auth=auth)


def call(client):
    return client.get(os.environ["API_URL"]).status_code
