"""requests-oauthlib: a new token for each call, over connections that stay open."""

from load import API, CLIENT_ID, SCOPE, TOKEN_URL, repeat, secret
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

session = OAuth2Session(client=BackendApplicationClient(CLIENT_ID, scope=SCOPE))


def call() -> None:
    session.fetch_token(TOKEN_URL, auth=(CLIENT_ID, secret()), audience=API)
    session.get(f"{API}/timesheets?limit=1", timeout=20).raise_for_status()


repeat(call)
