"""The signing keys of a stage: short times for them, and the server's commands."""

import base64
import json
from typing import Any

from live_stack import Stack

from drills.stage import Stage

ANNOUNCEMENT = 4  # seconds; longer than the API's soft time, its cooldown and the server's cache together


def shorten_the_times(stage: Stage, *, api_keeps: int = 1) -> None:
    """Let keys change within seconds; the API keeps a key set for `api_keeps` seconds, and waits as long."""
    stage.set(
        "TENANT_FILE:",
        JWKS_TTL=1,
        JWKS_COOLDOWN=1,
        CACHE_TTL=0,
        KEY_ANNOUNCEMENT=ANNOUNCEMENT,
        KEY_ROTATION=3600,
    )
    stage.set("DATABASE_FILE:", JWKS_TTL=api_keeps, JWKS_COOLDOWN=api_keeps)


def keys(stack: Stack, *command: str) -> list[dict[str, Any]]:
    """Run a command on the keys; return the RS256 keys that it lists."""
    listed = stack.inside("auth-server", "flask", "--app", "auth_server.wsgi", "keys", *command, "--json")
    return [key for key in json.loads(listed) if key["alg"] == "RS256"]


def kid(token: str) -> str:
    """Return the id of the key that signed a token."""
    return str(json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))["kid"])
