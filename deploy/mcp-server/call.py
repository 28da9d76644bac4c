"""Call the MCP server as a machine client: `python call.py URL [TOOL NAME=VALUE ...]` lists or calls tools.

CLIENT_ID and ISSUER say who calls, SCOPES what for; CLIENT_SECRET_FILE or CLIENT_KEY_FILE, an Ed25519 key,
proves it. Where tokens come from, the client learns from the server's 401 alone (RFC 9728).
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.auth import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from fastmcp.exceptions import ToolError


def credentials() -> Any:
    """Return what gets tokens for the server that the client calls."""
    client_id = os.environ["CLIENT_ID"]
    # Without an issuer, any MCP server could name one, and would get the credential.
    options = {"issuer": os.environ["ISSUER"], "scopes": os.environ.get("SCOPES")}
    if "CLIENT_KEY_FILE" not in os.environ:
        secret = Path(os.environ["CLIENT_SECRET_FILE"]).read_text().strip()
        return ClientCredentialsOAuthProvider(client_id=client_id, client_secret=secret, **options)
    key = Path(os.environ["CLIENT_KEY_FILE"]).read_text()
    signed = SignedJWTParameters(
        issuer=client_id, subject=client_id, signing_key=key, signing_algorithm="EdDSA"
    )
    assertion = signed.create_assertion_provider()
    return PrivateKeyJWTOAuthProvider(client_id=client_id, assertion_provider=assertion, **options)


async def call(url: str, tool: str = "", *arguments: str) -> Any:
    """Return the names of the tools, or what one tool returns; raise ToolError."""
    async with Client(url, auth=credentials()) as client:
        if not tool:
            return [one.name for one in await client.list_tools()]
        result = await client.call_tool(tool, dict(argument.split("=", 1) for argument in arguments))
        return result.structured_content


if __name__ == "__main__":
    try:
        print(json.dumps(asyncio.run(call(*sys.argv[1:])), indent=2))
    except (ToolError, OSError) as error:
        sys.exit(f"Error: {error}")
