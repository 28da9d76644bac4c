"""A client on MCP's own SDK, with the arguments and variables of deploy/mcp-server/call.py.

It runs in the environment of the MCP server, not in that of the tests. It asks for the scopes that the
server's challenge names, whatever else it is told.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from httpx2 import AsyncClient
from mcp import Client
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.streamable_http import streamable_http_client


class InMemory:
    """Keeps the token for as long as this process runs."""

    token: Any = None

    async def get_tokens(self) -> Any:
        """Return the token."""
        return self.token

    async def set_tokens(self, tokens: Any) -> None:
        """Keep the token."""
        self.token = tokens


def credentials(url: str) -> Any:
    """Return what gets tokens for the MCP server at `url`."""
    client_id = os.environ["CLIENT_ID"]
    issuer = os.environ["ISSUER"]
    if "CLIENT_KEY_FILE" not in os.environ:
        secret = Path(os.environ["CLIENT_SECRET_FILE"]).read_text()
        return ClientCredentialsOAuthProvider(url, InMemory(), client_id, secret, issuer=issuer)
    key = Path(os.environ["CLIENT_KEY_FILE"]).read_text()
    signed = SignedJWTParameters(
        issuer=client_id, subject=client_id, signing_key=key, signing_algorithm="EdDSA"
    )
    assertion = signed.create_assertion_provider()
    return PrivateKeyJWTOAuthProvider(url, InMemory(), client_id, assertion, issuer=issuer)


async def call(url: str, tool: str = "", *arguments: str) -> Any:
    """Return the names of the tools, or what one tool returns, or its error."""
    async with (
        AsyncClient(auth=credentials(url)) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        if not tool:
            return [one.name for one in (await client.list_tools()).tools]
        result = await client.call_tool(tool, dict(argument.split("=", 1) for argument in arguments))
        return result.content[0].text if result.is_error else result.structured_content


if __name__ == "__main__":
    print(json.dumps(asyncio.run(call(*sys.argv[1:])), indent=2))  # noqa: T201
