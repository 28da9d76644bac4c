"""What LeanFlask leaves out changes nothing that a caller sees."""

from typing import Any

import pytest
from auth_server.lean_flask import LeanFlask
from flask import Flask, Response, after_this_request, request_tearing_down, session, url_for
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


def answer(app: Flask) -> str:
    """Return what an app with one view answers."""
    app.add_url_rule("/", view_func=lambda: "the view")
    return app.test_client().get("/").text


@pytest.mark.parametrize("flask", [LeanFlask, Flask])
def test_runs_what_is_registered_to_run_before_a_view(flask: type[Flask]) -> None:
    app = flask(__name__)
    app.before_request(lambda: "an answer without the view")
    assert answer(app) == "an answer without the view"


@pytest.mark.parametrize("flask", [LeanFlask, Flask])
def test_runs_what_is_registered_for_the_values_of_an_address(flask: type[Flask]) -> None:
    app = flask(__name__)
    endpoints: list[str | None] = []
    app.url_value_preprocessor(lambda endpoint, _: endpoints.append(endpoint))
    assert answer(app) == "the view"
    assert endpoints == ["<lambda>"]


@pytest.mark.parametrize("flask", [LeanFlask, Flask])
def test_runs_what_is_registered_to_run_after_a_view(flask: type[Flask]) -> None:
    app = flask(__name__)
    app.after_request(lambda _: Response("another answer"))
    assert answer(app) == "another answer"


@pytest.mark.parametrize("flask", [LeanFlask, Flask])
def test_runs_what_a_view_registers_to_run_after_it(flask: type[Flask]) -> None:
    app = flask(__name__)

    @app.get("/late")
    def late() -> str:
        after_this_request(lambda _: Response("another answer"))
        return "the view"

    assert app.test_client().get("/late").text == "another answer"


@pytest.mark.parametrize("flask", [LeanFlask, Flask])
def test_runs_what_is_registered_to_run_at_the_end_of_a_request(flask: type[Flask]) -> None:
    app = flask(__name__)
    ends: list[BaseException | None] = []
    app.teardown_request(ends.append)
    assert answer(app) == "the view"
    assert ends == [None]


@pytest.mark.parametrize("flask", [LeanFlask, Flask])
def test_signals_the_end_of_a_request(flask: type[Flask]) -> None:
    app = flask(__name__)
    ended: list[Flask] = []

    def listen(sender: Flask, **_: Any) -> None:
        ended.append(sender)

    with request_tearing_down.connected_to(listen):
        assert answer(app) == "the view"
    assert ended == [app]


def test_answers_no_websocket() -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert client_of(LeanFlask(__name__)).get("/text", headers=headers).status_code == 400


def test_a_session_cannot_be_changed() -> None:
    app = LeanFlask(__name__)
    app.secret_key = "any"
    with app.test_request_context(), pytest.raises(RuntimeError):
        session["a"] = "b"
