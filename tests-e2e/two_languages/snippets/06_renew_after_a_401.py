from os import environ
from pathlib import Path

import requests
from oauth_client.bearer_auth import challenge_of
from oauth_client.token_source import Token, TokenSource

source = TokenSource(
    issuer=environ["ISSUER"],
    client_id=environ["CLIENT_ID"],
    secret_file=Path(environ["SECRET_FILE"]),
)


def send(token: Token) -> requests.Response:
    headers = {"Authorization": f"Bearer {token.value}"}
    return requests.get(environ["API_URL"] + "/timesheets", headers=headers, timeout=10)


def call() -> requests.Response:
    token = source.get(environ["AUDIENCE"], ["read:timesheets"])
    answer = send(token)
    refused = challenge_of(answer, "Bearer").get("error") == "invalid_token"
    if answer.status_code != 401 or not refused:
        return answer
    source.drop(token)  # this one, and not one that has taken its place
    return send(source.get(environ["AUDIENCE"], ["read:timesheets"]))


print(call().status_code)
