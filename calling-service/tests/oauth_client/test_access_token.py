import pytest
from calling_service.oauth_client.access_token import Moment, Token

THEN = Moment(1000.0, 1_800_000_000.0)


@pytest.mark.parametrize(
    ("monotonic", "wall", "passed"),
    [(5, 5, 5), (0, 3600, 3600), (5, -3600, 5), (-500, 60, 60), (-500, -60, -60)],
)
def test_more_time_has_passed_of_what_the_two_clocks_say(
    *, monotonic: float, wall: float, passed: float
) -> None:
    later = Moment(THEN.monotonic + monotonic, THEN.wall + wall)
    assert THEN.seconds_until(later) == passed
    assert THEN.is_within(61, later) == (0 <= passed < 61)


def test_a_token_that_a_server_sends_again_is_another_one() -> None:
    first = Token("t", frozenset(), THEN, 30, 60)
    assert first == Token("t", frozenset(), THEN, 40, 60), "its renewal has been put off"
    assert first != Token("t", frozenset(), Moment(1001.0, THEN.wall), 30, 60)
    assert first != Token("u", frozenset(), THEN, 30, 60)
