import os
from pathlib import Path

import requests
from requests_oauth2client import OAuth2Client, OAuth2ClientCredentialsAuth

client = OAuth2Client(
    f"{os.environ['ISSUER']}/oauth/token",
    client_id=os.environ["CLIENT_ID"],
    client_secret=Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
    dpop_bound_access_tokens=True,
    testing=True,  # for http on this machine alone
)
auth = OAuth2ClientCredentialsAuth(client, audience=os.environ["AUDIENCE"], scope=os.environ["SCOPE"])
with requests.Session() as session:
    session.auth = auth
    statuses = [session.get(os.environ["API_URL"], timeout=10).status_code for _ in range(2)]
print(auth.token.token_type.lower() if auth.token else "")
print(*statuses, sep="\n")
