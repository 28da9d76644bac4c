from os import environ
from pathlib import Path

import requests

secret = Path(environ["SECRET_FILE"]).read_text().strip()
answer = requests.post(
    environ["ISSUER"] + "/oauth/token",
    auth=(environ["CLIENT_ID"], secret),
    data={
        "grant_type": "client_credentials",
        "audience": environ["AUDIENCE"],
        "scope": "read:timesheets",
    },
    timeout=10,
)
answer.raise_for_status()
print(answer.json()["token_type"], answer.json()["scope"])
