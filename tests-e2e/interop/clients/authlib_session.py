import os
from pathlib import Path

from authlib.integrations.requests_client import OAuth2Session


class Session(OAuth2Session):
    def fetch_token(self, url=None, **options):  # a renewal has to name the API as well
        return super().fetch_token(url, audience=os.environ["AUDIENCE"], **options)


def new_client():
    return Session(
        os.environ["CLIENT_ID"],
        Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
        scope=os.environ["SCOPE"],
        token_endpoint=os.environ["TOKEN_URL"],
        grant_type="client_credentials",
    )


def call(session):
    if not session.token:
        session.fetch_token()
    return session.get(os.environ["API_URL"]).status_code
