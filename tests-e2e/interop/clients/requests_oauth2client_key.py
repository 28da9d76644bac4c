import json
import os
from pathlib import Path

import requests
from requests_oauth2client import OAuth2Client, OAuth2ClientCredentialsAuth, PrivateKeyJwt


def new_client():
    key = json.loads(Path(os.environ["JWK_FILE"]).read_text())  # a JWK, whose `kid` is mandatory
    method = PrivateKeyJwt(os.environ["CLIENT_ID"], key, alg="ES256", aud=os.environ["ISSUER"])
    client = OAuth2Client(os.environ["TOKEN_URL"], auth=method, testing=True)  # testing: for http alone
    session = requests.Session()
    session.auth = OAuth2ClientCredentialsAuth(client, scope=os.environ["SCOPE"])
    return session


def call(session):
    return session.get(os.environ["API_URL"]).status_code
