from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.providers.jwt import JWTVerifier, decode_jwt_header
from pydantic import AnyHttpUrl
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, PORT, SCOPE


# recipe begins
class AccessTokenVerifier(JWTVerifier):
    async def load_access_token(self, token):
        good = await super().load_access_token(token)
        if good is None or good.expires_at is None or decode_jwt_header(token).get("typ") != "at+jwt":
            return None
        return good


verifier = AccessTokenVerifier(jwks_uri=JWKS_URI, issuer=ISSUER, audience=AUDIENCE, algorithm=ALGORITHM)
servers = [AnyHttpUrl(ISSUER)]
# The scope stands here and not at the verifier, which answers 401 where one is missing.
auth = RemoteAuthProvider(verifier, servers, base_url=AUDIENCE, required_scopes=[SCOPE])
# recipe ends

if DEFAULTS:
    auth = JWTVerifier(
        jwks_uri=JWKS_URI, issuer=ISSUER, audience=AUDIENCE, algorithm=ALGORITHM, required_scopes=[SCOPE]
    )
FastMCP("Timesheets", auth=auth).run(
    transport="http", host="127.0.0.1", port=PORT, path="/timesheets", stateless_http=True, show_banner=False
)
