"""Authlib's client: a new token for each call, over a new connection."""

from authlib.integrations.requests_client import OAuth2Session
from load import API, CLIENT_ID, SCOPE, TOKEN_URL, repeat, secret


def call() -> None:
    with OAuth2Session(CLIENT_ID, secret(), scope=SCOPE) as session:
        session.fetch_token(TOKEN_URL, grant_type="client_credentials", audience=API)
        session.get(f"{API}/timesheets?limit=1", timeout=20).raise_for_status()


repeat(call)
