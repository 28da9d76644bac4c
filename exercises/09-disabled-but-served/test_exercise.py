"""A disabled client gets no token, however often it asks."""

from collections.abc import Callable

from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]


def test_a_disabled_client_is_refused_each_time(ask: Ask) -> None:
    answers = [ask(auth=("off", "off-secret")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401] * 3
    assert {answer.get_json()["error"] for answer in answers} == {"invalid_client"}


def test_it_is_refused_as_a_wrong_secret_is(ask: Ask) -> None:
    disabled = ask(auth=("off", "off-secret"))
    wrong = ask(auth=("job", "wrong-secret"))
    assert (disabled.status_code, disabled.get_json()) == (wrong.status_code, wrong.get_json())


def test_a_wrong_secret_is_refused_after_a_right_one(ask: Ask) -> None:
    assert ask().status_code == 200
    assert ask(auth=("job", "wrong-secret")).status_code == 401


def test_an_enabled_client_gets_a_token_each_time(ask: Ask) -> None:
    assert [ask().status_code for _ in range(3)] == [200] * 3
