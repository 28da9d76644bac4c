"""curl: a process for the token and one for the call; secret and token go through standard input."""

import json
import subprocess

from load import API, CLIENT_ID, SCOPE, TOKEN_URL, repeat, secret


def curl(config: str, *arguments: str) -> str:
    command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "20", "--config", "-", *arguments]
    done = subprocess.run(command, input=config, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def call() -> None:
    form = f"grant_type=client_credentials&audience={API}&scope={SCOPE}"
    answer = curl(f'user = "{CLIENT_ID}:{secret()}"', "--data", form, TOKEN_URL)
    token = json.loads(answer)["access_token"]
    curl(f'header = "Authorization: Bearer {token}"', f"{API}/timesheets?limit=1")


repeat(call)
