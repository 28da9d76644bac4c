from os import environ
from pathlib import Path

import requests
from oauth_client.bearer_auth import BearerAuth
from oauth_client.token_source import TokenSource

source = TokenSource(
    issuer=environ["ISSUER"],
    client_id=environ["CLIENT_ID"],
    secret_file=Path(environ["SECRET_FILE"]),
)
session = requests.Session()
session.auth = BearerAuth(
    source,
    api_url=environ["API_URL"],
    audience=environ["AUDIENCE"],
    scopes=["read:timesheets"],
)
answer = session.get(environ["API_URL"] + "/timesheets", timeout=10)
print(answer.status_code)
