"""The recorder writes down what comes; the play answers what it is told to."""

import json

import requests

from interop.played import API_PATH, ORIGINS, Played, redirect, retry_after
from interop.recorder import Recorder


def test_the_recorder_writes_down_every_request() -> None:
    played = Played()
    with Recorder(ORIGINS, played.answer) as recorder:
        played.url = recorder.url
        form = {"grant_type": "client_credentials", "audience": "a b"}
        requests.post(f"{recorder.url['server']}/oauth/token", form, auth=("id", "secret"), timeout=5)
        requests.post(f"{recorder.url['server']}/oauth/token", json=form, timeout=5)
        requests.get(f"{recorder.url['api']}{API_PATH}?limit=1", timeout=5)
    first, second = recorder.of("server")
    assert first.parameters == second.parameters == list(form.items())
    assert first.authorization == "Basic aWQ6c2VjcmV0"
    (call,) = recorder.of("api")
    assert (call.method, call.path, call.authorization) == ("GET", API_PATH, "")


def test_the_play_refuses_waits_and_redirects_as_it_is_told() -> None:
    played = Played()
    with Recorder(ORIGINS, played.answer) as recorder, requests.Session() as session:
        played.url = recorder.url
        api = recorder.url["api"] + API_PATH
        token_url = f"{recorder.url['server']}/oauth/token"
        assert session.get(api).headers["WWW-Authenticate"].startswith('Bearer realm="played", scope=')
        played.next_token = [retry_after(3)]
        assert session.post(token_url).headers["Retry-After"] == "3"
        token = json.loads(session.post(token_url).content)["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"
        played.next_api = [redirect(recorder.url["elsewhere"])]
        assert session.get(api, allow_redirects=False).status_code == 307
        assert session.get(api).status_code == 200
        played.refuse_the_tokens_so_far()
        assert 'error="invalid_token"' in session.get(api).headers["WWW-Authenticate"]
