from os import environ
from pathlib import Path

from oauth_client.private_key_jwt import PrivateKeyTokenSource

source = PrivateKeyTokenSource(
    issuer=environ["ISSUER"],
    client_id=environ["KEY_CLIENT_ID"],
    secret_file=Path(environ["KEY_FILE"]),
)
token = source.get(environ["AUDIENCE"], ["approve:timesheets"])
print(*token.scopes)
