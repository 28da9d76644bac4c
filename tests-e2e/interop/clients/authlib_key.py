import os
from pathlib import Path

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk


def new_client():
    key = jwk.import_key(Path(os.environ["KEY_FILE"]).read_text(), "EC")  # PEM as a text is read as RSA
    return OAuth2Session(
        os.environ["CLIENT_ID"],
        key,
        token_endpoint_auth_method=PrivateKeyJWT(os.environ["TOKEN_URL"], alg="ES256"),
        scope=os.environ["SCOPE"],
        token_endpoint=os.environ["TOKEN_URL"],
        grant_type="client_credentials",
    )


def call(session):
    if not session.token:
        session.fetch_token()
    return session.get(os.environ["API_URL"]).status_code
