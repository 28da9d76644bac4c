import os
from pathlib import Path

import requests
from requests_oauth2client import OAuth2Client, OAuth2ClientCredentialsAuth


def new_client():
    client = OAuth2Client(
        os.environ["TOKEN_URL"],
        client_id=os.environ["CLIENT_ID"],
        client_secret=Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
        testing=True,  # for http on this machine alone
    )
    session = requests.Session()
    session.auth = OAuth2ClientCredentialsAuth(
        client, resource=os.environ["AUDIENCE"], scope=os.environ["SCOPE"]
    )
    return session


def call(session):
    return session.get(os.environ["API_URL"]).status_code
