from os import environ
from pathlib import Path

import requests

secret = Path(environ["API_SECRET_FILE"]).read_text().strip()
answer = requests.post(
    environ["ISSUER"] + "/oauth/introspect",
    auth=(environ["API_CLIENT_ID"], secret),
    data={"token": environ["TOKEN"]},
    timeout=10,
)
answer.raise_for_status()
print("active" if answer.json()["active"] is True else "not active")
