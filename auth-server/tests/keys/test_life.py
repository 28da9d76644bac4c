"""The states of a key follow from its times and the clock."""

from auth_server.keys.life import PUBLISHED, KeyLife, KeySet, State, StoredKey
from hypothesis import given
from hypothesis import strategies as st


@given(
    signs_from=st.lists(st.integers(0, 100), min_size=1, max_size=5).map(sorted),
    now=st.integers(-10, 200),
    later=st.integers(0, 100),
)
def test_a_key_never_returns_to_an_earlier_state(signs_from: list[int], now: int, later: int) -> None:
    order = [State.NEXT, State.CURRENT, State.PREVIOUS, State.RETIRED]
    keys = KeySet(StoredKey(str(number), "RS256", number, 0, at, 10) for number, at in enumerate(signs_from))
    for life in keys.lives:
        assert order.index(life.state(now)) <= order.index(life.state(now + later))
    current = [life for life in keys.lives if life.state(now) is State.CURRENT]
    assert len(current) == (1 if now >= signs_from[0] else 0)
    assert {key.kid for key in keys.published(now)} == {
        life.key.kid for life in keys.lives if life.state(now) in PUBLISHED
    }


def test_a_revoked_key_is_over_when_the_last_token_that_it_signed_expires() -> None:
    life = KeyLife(StoredKey("a", "RS256", 1, 0, 0, longest_lifetime=10, revoked_at=50), None)
    assert [life.is_over(now) for now in (59, 60)] == [False, True]
