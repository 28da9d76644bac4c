from os import environ
from pathlib import Path

from oauth_client.token_source import TokenSource

source = TokenSource(
    issuer=environ["ISSUER"],
    client_id=environ["CLIENT_ID"],
    secret_file=Path(environ["SECRET_FILE"]),
)
tokens = [source.get(environ["AUDIENCE"], ["read:timesheets"]) for _ in range(100)]
print(len(set(tokens)), "token for 100 calls")
