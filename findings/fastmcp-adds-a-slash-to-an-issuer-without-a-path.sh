#!/bin/sh
# FastMCP 4.2.3: the protected-resource metadata names another issuer than the one that it was given.
#
# RemoteAuthProvider takes authorization_servers=[AnyHttpUrl("https://issuer.example")]. One would expect that
# identifier in its metadata (RFC 9728 2), because clients compare it with the issuer of the authorization server's
# own metadata, byte for byte (RFC 8414 3.3). But pydantic's AnyHttpUrl adds a slash to a URL without a path; an
# issuer with a path stays as it is. What keeps the string is
# TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True)).validate_python("https://issuer.example").
#
# Seen on CPython 3.11 with fastmcp 4.2.3 and pydantic 2.14.4:
#   https://issuer.example as AnyHttpUrl: ['https://issuer.example/']
#   https://issuer.example/tenant as AnyHttpUrl: ['https://issuer.example/tenant']
#   https://issuer.example with url_preserve_empty_path: ['https://issuer.example']
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check fastmcp==4.2.3 pydantic==2.14.4
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/seen"
import asyncio

import httpx2
from fastmcp import FastMCP
from fastmcp.server.auth import JWTVerifier, RemoteAuthProvider
from pydantic import AnyHttpUrl, ConfigDict, TypeAdapter

BASE = "https://tools.example"


async def show(name, issuer):
    verifier = JWTVerifier(jwks_uri="https://issuer.example/jwks", audience=f"{BASE}/mcp")
    auth = RemoteAuthProvider(verifier, authorization_servers=[issuer], base_url=BASE)
    transport = httpx2.ASGITransport(FastMCP("Tools", auth=auth).http_app(path="/mcp"))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        metadata = (await client.get("/.well-known/oauth-protected-resource/mcp")).json()
    print(f"{name}: {metadata['authorization_servers']}")


async def main():
    for url in ("https://issuer.example", "https://issuer.example/tenant"):
        await show(f"{url} as AnyHttpUrl", AnyHttpUrl(url))
    exact = TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True))
    url = "https://issuer.example"
    await show(f"{url} with url_preserve_empty_path", exact.validate_python(url))


asyncio.run(main())
PYTHON
sed -n 's/^#   //p' "$0" | diff - "$folder/seen"
