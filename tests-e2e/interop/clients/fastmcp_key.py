import os
from pathlib import Path

import httpx2
from fastmcp.client.auth import PrivateKeyJWTOAuthProvider, SignedJWTParameters


def new_client():
    client_id = os.environ["CLIENT_ID"]
    key = Path(os.environ["KEY_FILE"]).read_text()
    signed = SignedJWTParameters(
        issuer=client_id, subject=client_id, signing_key=key, signing_algorithm="EdDSA"
    )
    auth = PrivateKeyJWTOAuthProvider(
        os.environ["AUDIENCE"],
        client_id=client_id,
        assertion_provider=signed.create_assertion_provider(),
        issuer=os.environ["ISSUER"],
    )
    return httpx2.AsyncClient(auth=auth)


async def call(client):
    return (await client.get(os.environ["API_URL"])).status_code
