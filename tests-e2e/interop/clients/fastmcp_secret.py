import os
from pathlib import Path

import httpx2
from fastmcp.client.auth import ClientCredentialsOAuthProvider


def new_client():
    auth = ClientCredentialsOAuthProvider(
        os.environ["AUDIENCE"],  # which fastmcp.Client("https://api.example.com/mcp", auth=auth) sets
        client_id=os.environ["CLIENT_ID"],
        client_secret=Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
        scopes=os.environ["SCOPE"],
        issuer=os.environ["ISSUER"],
    )
    return httpx2.AsyncClient(auth=auth)


async def call(client):
    return (await client.get(os.environ["API_URL"])).status_code
