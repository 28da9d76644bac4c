import os
from pathlib import Path

import httpx2
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider


class InMemory:
    tokens = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens


def new_client():
    auth = ClientCredentialsOAuthProvider(
        server_url=os.environ["AUDIENCE"],  # of an MCP server: its address, https://api.example.com/mcp
        storage=InMemory(),
        client_id=os.environ["CLIENT_ID"],
        client_secret=Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
        issuer=os.environ["ISSUER"],  # the secret goes to this server alone
    )
    return httpx2.AsyncClient(auth=auth)


async def call(client):
    return (await client.get(os.environ["API_URL"])).status_code
