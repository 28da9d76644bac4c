import os
from pathlib import Path
from urllib.parse import urlsplit

import requests
from auth0.authentication import GetToken


def new_client():
    return GetToken(
        urlsplit(os.environ["TOKEN_URL"]).netloc,  # the domain, to which it adds https:// and /oauth/token
        os.environ["CLIENT_ID"],
        client_secret=Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
    )


def call(client):  # the library keeps no token: keep it yourself until it expires
    token = client.client_credentials(os.environ["AUDIENCE"])["access_token"]
    return requests.get(os.environ["API_URL"], headers={"Authorization": f"Bearer {token}"}).status_code
