"""What LeanFlask leaves out changes nothing that a caller sees."""

import pytest
from auth_server.lean_flask import LeanFlask
from flask import Flask, Response, session, url_for
from flask.testing import FlaskClient

ADDRESSES = ["/text", "/list", "/created", "/nothing", "/unchanged", "/redirect", "/folder/7?a=b", "/none"]


def client_of(app: Flask) -> FlaskClient:
    app.add_url_rule("/text", view_func=lambda: {"a": "b"}, endpoint="text")
    app.add_url_rule("/list", view_func=lambda: Response([b"a", b"b"]), endpoint="list")
    app.add_url_rule("/nothing", view_func=lambda: Response(status=204), endpoint="nothing")
    app.add_url_rule("/unchanged", view_func=lambda: Response("a", 304), endpoint="unchanged")
    created = {"Location": "/grün"}
    app.add_url_rule("/created", view_func=lambda: Response("a", 201, created), endpoint="created")
    app.add_url_rule("/redirect/", view_func=lambda: "a", endpoint="redirect")
    app.add_url_rule(
        "/folder/<int:number>",
        view_func=lambda number: url_for("folder", number=number, _external=True),
        endpoint="folder",
    )
    return app.test_client()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("mounted", ["", "/below"])
@pytest.mark.parametrize("host", ["a.example:81", "a b", "GRÜN", ""])
def test_answers_as_flask_does(method: str, address: str, mounted: str, host: str) -> None:
    answers = [
        client_of(app).open(
            address,
            method=method,
            base_url=f"http://a.example{mounted}",
            environ_overrides={"HTTP_HOST": host.encode().decode("latin-1")},
        )
        for app in (LeanFlask(__name__, static_folder=None), Flask(__name__, static_folder=None))
    ]
    ours, flasks = [(answer.status, sorted(answer.headers), answer.data) for answer in answers]
    assert ours == flasks


def test_answers_no_websocket() -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert client_of(LeanFlask(__name__)).get("/text", headers=headers).status_code == 400


def test_a_session_cannot_be_changed() -> None:
    app = LeanFlask(__name__)
    app.secret_key = "any"
    with app.test_request_context(), pytest.raises(RuntimeError):
        session["a"] = "b"
