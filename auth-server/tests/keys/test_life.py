"""The states of a key follow from its times and the clock."""

from auth_server.keys.life import PUBLISHED, KeySet, State, StoredKey
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
