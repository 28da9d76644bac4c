#!/bin/sh
# FastMCP 4.2.3: a valid token that lacks a required scope gets 401 or 403, by the object that has required_scopes.
#
# JWTVerifier and RemoteAuthProvider, which wraps it, both take required_scopes. One would take them for the same
# setting and expect 403 insufficient_scope with the scope (RFC 6750 3.1). With JWTVerifier(required_scopes=…) the
# answer is 401 invalid_token, which tells the client to clear its tokens. With RemoteAuthProvider(required_scopes=…)
# it is 403, but neither this challenge nor that of the 401 names the scope, so that clients ask for all of
# scopes_supported. What one expects comes with RemoteAuthProvider(required_scopes=…, challenge_scopes=…).
#
# Seen on CPython 3.11 with fastmcp 4.2.3 (status, error, scope of the challenge):
#   JWTVerifier(required_scopes): 401 invalid_token, scope="read"
#   RemoteAuthProvider(required_scopes): 403 insufficient_scope, no scope
#   RemoteAuthProvider(required_scopes, challenge_scopes): 403 insufficient_scope, scope="read"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check fastmcp==4.2.3
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/seen"
import asyncio
import re

import httpx2
from fastmcp import FastMCP
from fastmcp.server.auth import JWTVerifier, RemoteAuthProvider
from fastmcp.server.auth.providers.jwt import RSAKeyPair

ISSUER, BASE = "https://issuer.example/tenant", "https://tools.example"
KEY = RSAKeyPair.generate()
TOKEN = KEY.create_token(issuer=ISSUER, audience=f"{BASE}/mcp", scopes=["other"])


async def show(name, of_verifier=None, **of_provider):
    verifier = JWTVerifier(
        public_key=KEY.public_key, issuer=ISSUER, audience=f"{BASE}/mcp", required_scopes=of_verifier
    )
    auth = RemoteAuthProvider(verifier, [ISSUER], BASE, scopes_supported=["read", "write"], **of_provider)
    transport = httpx2.ASGITransport(FastMCP("Tools", auth=auth).http_app(path="/mcp"))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        answer = await client.post("/mcp", headers={"Authorization": f"Bearer {TOKEN}"})
    scope = re.search('scope="[^"]*"', answer.headers["WWW-Authenticate"])
    print(f"{name}: {answer.status_code} {answer.json()['error']},", scope[0] if scope else "no scope")


async def main():
    await show("JWTVerifier(required_scopes)", of_verifier=["read"])
    await show("RemoteAuthProvider(required_scopes)", required_scopes=["read"])
    both = {"required_scopes": ["read"], "challenge_scopes": ["read"]}
    await show("RemoteAuthProvider(required_scopes, challenge_scopes)", **both)


asyncio.run(main())
PYTHON
sed -n 's/^#   //p' "$0" | diff - "$folder/seen"
