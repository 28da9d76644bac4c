import os
from pathlib import Path

from oauthlib.oauth2 import BackendApplicationClient, TokenExpiredError
from requests_oauthlib import OAuth2Session

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # for http on this machine alone


def fetch_token(session):
    session.fetch_token(
        os.environ["TOKEN_URL"],
        client_id=os.environ["CLIENT_ID"],
        client_secret=Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
        audience=os.environ["AUDIENCE"],
    )


def new_client():
    return OAuth2Session(client=BackendApplicationClient(os.environ["CLIENT_ID"], scope=os.environ["SCOPE"]))


def call(session):
    try:
        if not session.authorized:
            fetch_token(session)
        return session.get(os.environ["API_URL"]).status_code
    except TokenExpiredError:  # the session never renews by itself
        fetch_token(session)
        return session.get(os.environ["API_URL"]).status_code
