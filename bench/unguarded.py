"""The Timesheets API without its token check: what a read costs if no token is checked."""

from typing import Any

from protected_api.resource_server.access_token import AccessToken
from protected_api.wsgi import app


class NoGate:
    """Accepts every request."""

    def authorize(self, *_: Any, **__: Any) -> AccessToken:
        """Return a token that nobody presented."""
        return AccessToken("", claims={"client_id": "anybody"})


app.extensions["authorization"] = NoGate()
