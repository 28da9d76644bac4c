"""Measure each app in one process, without a socket, beside the least that Flask can do (`make bench`).

A token request is compared with a bare view that reads the form and returns JSON of the same size; a read
with a remembered token, with the same route without token check and log. The two take turns, and the ratio is
the median of the rounds' ratios.
"""

from types import SimpleNamespace

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from bench.in_process import call, compare, es256_token_request, measure_both, read


def token_request(secret: str) -> None:
    """Measure a token request, ES256, in the authorization server's environment."""
    from auth_server.wsgi import app  # noqa: PLC0415 it is this process's only service

    bare = Flask("bare")

    @bare.post("/oauth/token")
    def answer() -> ResponseReturnValue:
        scope = request.form["grant_type"]
        return jsonify(access_token="x" * 420, token_type="Bearer", expires_in=3600, scope=scope)  # noqa: S106

    sent = es256_token_request(secret)
    compare("POST /oauth/token, ES256", call(app, *sent), call(bare, *sent))


def remembered_read(token: str) -> None:
    """Measure a read with a remembered token, in the API's environment."""
    from protected_api.app import create_app  # noqa: PLC0415
    from protected_api.resource_server.access_token import AccessToken  # noqa: PLC0415
    from protected_api.wsgi import app, settings  # noqa: PLC0415 it is this process's only service

    app.extensions["keys"].refresh()
    unguarded = create_app(settings)
    nobody = AccessToken("", claims={"client_id": "anybody"})
    unguarded.extensions["authorization"] = SimpleNamespace(authorize=lambda *_, **__: nobody)
    del unguarded.wsgi_app  # the log around it
    sent = read(token)
    compare("GET /timesheets?limit=1, token remembered", call(app, *sent), call(unguarded, *sent))


if __name__ == "__main__":
    measure_both("app_alone", "ours", "bare")
