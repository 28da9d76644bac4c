"""A gate: answers 204 to a request with a good token, for a proxy that asks before it passes one on."""

from flask import Flask
from resource_server import AccessToken, protect, require_scope

app = Flask(__name__)
protect(
    app,
    issuer="http://localhost:9000",
    audience="http://localhost:9001",
    realm="Timesheets API",
    jwks_uri="http://localhost:9000/.well-known/jwks.json",
)


@app.get("/read")
@require_scope("read:timesheets")
def read(token: AccessToken) -> tuple[str, int, dict[str, str]]:
    """Say who calls."""
    return "", 204, {"X-Client-Id": token.client_id}
