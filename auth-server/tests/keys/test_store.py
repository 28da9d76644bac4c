"""The life of the signing keys: announced before they sign, published until their last token expires."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from auth_server.algorithms import SIGNING_ALGS
from auth_server.database.engine import writing
from auth_server.database.tables import apis, clients, grants
from auth_server.keys.encryption import KeyEncryption, KeyEncryptionError
from auth_server.keys.life import KeyLife, State
from auth_server.keys.store import KeyStore, UnknownKeyError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwk
from joserfc.jwk import Key
from sqlalchemy import Engine, delete, insert, update

pytestmark = pytest.mark.databases("sqlite", "postgresql")

NewEngine = Callable[[], Engine]

ROTATION, ANNOUNCEMENT, LIFETIME = 1000, 100, 300


class Clock:
    """A clock that the test moves, in Unix time."""

    now = 10_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def quickly(_alg: str) -> Key:
    """Make a key of a kind that is made quickly."""
    return jwk.generate_key("EC", "P-256")


def open_store(
    engine: Engine, folder: Path, clock: Callable[[], float], announcement: int = ANNOUNCEMENT
) -> KeyStore:
    return KeyStore(
        engine,
        KeyEncryption(folder / "key-encryption-key"),
        rotation=ROTATION,
        announcement=announcement,
        token_lifetime=LIFETIME,
        now=clock,
        generate=quickly,
    )


API = {"identifier": "https://a.example", "name": "A", "scopes": ["a"], "signing_alg": "RS256"}
CLIENT = {"client_id": "a", "name": "A", "enabled": True, "secret_digest_files": []}
GRANT = {"client": "a", "audience": "https://a.example", "scopes": ["a"]}


@pytest.fixture
def store(tmp_path: Path, new_engine: NewEngine, clock: Clock) -> Iterator[KeyStore]:
    """Open a store that was started with an API for each algorithm, and one grant, for RS256."""
    (tmp_path / "key-encryption-key").write_text("k" * 43)
    store = open_store(new_engine(), tmp_path, clock)
    with writing(store.engine) as connection:
        for table, row in ((apis, API), (clients, CLIENT), (grants, GRANT)):
            connection.execute(insert(table).values(row))
        for alg in ("ES256", "EdDSA", "Ed25519"):
            another = {**API, "identifier": f"https://{alg}.example", "signing_alg": alg}
            connection.execute(insert(apis).values(another))
        store.complete(connection)
    yield store
    store.engine.dispose()


def states(store: KeyStore, alg: str = "RS256") -> list[str]:
    """List the states of an algorithm's keys, the latest first."""
    return [life.state(store.now()) for life in store.read().lives if life.key.alg == alg]


def one(store: KeyStore, state: State, alg: str = "RS256") -> KeyLife:
    (life,) = store.read().of(alg, store.now(), state)
    return life


def test_begins_with_a_current_and_a_next_key(store: KeyStore, clock: Clock) -> None:
    for alg in SIGNING_ALGS:
        assert states(store, alg) == [State.NEXT, State.CURRENT]
    assert one(store, State.CURRENT).key.signs_from == clock.now
    assert one(store, State.NEXT).key.signs_from == clock.now + ROTATION


def test_goes_from_next_to_retired_by_the_clock_alone(store: KeyStore, clock: Clock) -> None:
    first = clock.now
    assert one(store, State.CURRENT).published_until == first + ROTATION + LIFETIME
    assert one(store, State.NEXT).published_until is None
    seen = []
    for second in (0, ROTATION - 1, ROTATION, ROTATION + LIFETIME - 1, ROTATION + LIFETIME):
        clock.now = first + second
        seen.append(states(store))
    assert seen == [
        [State.NEXT, State.CURRENT],
        [State.NEXT, State.CURRENT],
        [State.CURRENT, State.PREVIOUS],
        [State.CURRENT, State.PREVIOUS],
        [State.CURRENT, State.RETIRED],
    ]


def test_announces_a_next_key_when_the_last_one_has_begun_to_sign(store: KeyStore, clock: Clock) -> None:
    clock.now += ROTATION
    assert store.read().lacks_a_next(clock.now)
    store.announce()
    assert states(store) == [State.NEXT, State.CURRENT, State.PREVIOUS]
    assert one(store, State.NEXT).key.signs_from == clock.now + ROTATION
    assert not store.read().lacks_a_next(clock.now)
    store.announce()
    assert len(states(store)) == 3


def test_a_next_key_that_is_announced_late_signs_late(store: KeyStore, clock: Clock) -> None:
    clock.now += 10 * ROTATION
    store.announce()
    assert one(store, State.NEXT).key.signs_from == clock.now + ANNOUNCEMENT
    clock.now += ANNOUNCEMENT - 1
    assert states(store)[:2] == [State.NEXT, State.CURRENT]


def test_deletes_keys_that_are_over_when_a_new_one_is_made(store: KeyStore, clock: Clock) -> None:
    clock.now += ROTATION
    store.announce()
    clock.now += ROTATION
    assert states(store) == [State.CURRENT, State.PREVIOUS, State.RETIRED]
    store.announce()
    assert states(store) == [State.NEXT, State.CURRENT, State.PREVIOUS]


def test_lists_a_revoked_key_while_its_tokens_would_live(store: KeyStore, clock: Clock) -> None:
    store.revoke(one(store, State.CURRENT).key.kid)
    clock.now += LIFETIME - 1
    store.rotate(SIGNING_ALGS)
    assert states(store) == [State.NEXT, State.CURRENT, State.PREVIOUS, State.REVOKED]
    clock.now += ANNOUNCEMENT
    store.rotate(SIGNING_ALGS)
    assert states(store) == [State.NEXT, State.CURRENT, State.PREVIOUS, State.PREVIOUS]


def test_rotates_at_once_a_key_that_has_been_announced_for_long(store: KeyStore, clock: Clock) -> None:
    clock.now += ANNOUNCEMENT
    store.rotate(["RS256"])
    assert states(store) == [State.NEXT, State.CURRENT, State.PREVIOUS]
    assert states(store, "ES256") == [State.NEXT, State.CURRENT]


def test_rotates_later_a_key_that_has_been_announced_just_now(store: KeyStore, clock: Clock) -> None:
    announced = clock.now
    clock.now += 10
    for _ in range(3):
        store.rotate(SIGNING_ALGS)
    assert states(store) == [State.NEXT, State.CURRENT]
    assert one(store, State.NEXT).key.signs_from == announced + ANNOUNCEMENT


def test_rotating_never_delays_a_key(
    store: KeyStore, clock: Clock, tmp_path: Path, new_engine: NewEngine
) -> None:
    later = open_store(new_engine(), tmp_path, clock, announcement=2 * ROTATION)
    later.rotate(["RS256"])
    later.engine.dispose()
    assert one(store, State.NEXT).key.signs_from == clock.now + ROTATION


def test_revoking_the_current_key_lets_the_next_one_sign(store: KeyStore, clock: Clock) -> None:
    leaked, heir = one(store, State.CURRENT).key, one(store, State.NEXT).key
    clock.now += 5
    store.revoke(leaked.kid)
    assert states(store) == [State.NEXT, State.CURRENT, State.REVOKED]
    assert one(store, State.CURRENT).key == replace(heir, signs_from=int(clock.now))
    assert leaked.kid not in {key.kid for key in store.read().published(clock.now)}


def test_revoking_the_next_key_makes_another(store: KeyStore, clock: Clock) -> None:
    current, leaked = one(store, State.CURRENT).key, one(store, State.NEXT).key
    store.revoke(leaked.kid)
    assert states(store) == [State.NEXT, State.REVOKED, State.CURRENT]
    clock.now += ROTATION
    assert states(store) == [State.CURRENT, State.REVOKED, State.PREVIOUS]
    assert one(store, State.PREVIOUS).key == current


def test_revoking_a_previous_key_or_again_touches_no_other(store: KeyStore, clock: Clock) -> None:
    leaked = one(store, State.CURRENT).key
    clock.now += ROTATION
    store.announce()
    others = [life for life in store.read().lives if life.key.kid != leaked.kid]
    for seconds in (1, 1):
        clock.now += seconds
        store.revoke(leaked.kid)
    assert [life for life in store.read().lives if life.key.kid != leaked.kid] == others
    assert one(store, State.REVOKED).published_until == clock.now - 1


def test_revoking_a_key_does_not_publish_the_one_before_it_for_longer(store: KeyStore, clock: Clock) -> None:
    before = one(store, State.CURRENT).key
    clock.now += ROTATION
    store.announce()
    until = one(store, State.PREVIOUS).published_until
    clock.now += 100
    store.revoke(one(store, State.CURRENT).key.kid)
    assert one(store, State.PREVIOUS).key == before
    assert one(store, State.PREVIOUS).published_until == until


def test_revoking_every_key_makes_one_that_signs(store: KeyStore) -> None:
    for life in store.read().of("RS256", store.now(), State.NEXT, State.CURRENT):
        store.revoke(life.key.kid)
    assert sorted(states(store)) == [State.CURRENT, State.NEXT, State.REVOKED, State.REVOKED]


def test_refuses_to_revoke_an_unknown_key(store: KeyStore) -> None:
    with pytest.raises(UnknownKeyError):
        store.revoke("unknown")


LIFETIMES: dict[str, tuple[Mapping[str, Any], Mapping[str, Any], int]] = {
    "the server's": ({}, {}, LIFETIME),
    "the API's": ({"token_lifetime": 400}, {}, 400),
    "the grant's": ({"token_lifetime": 400}, {"token_lifetime": 50}, 50),
}


@pytest.mark.parametrize("case", LIFETIMES)
def test_a_new_key_is_published_for_the_longest_token_lifetime_that_is_granted(
    store: KeyStore, case: str
) -> None:
    api, grant, longest = LIFETIMES[case]
    with writing(store.engine) as connection:
        connection.execute(update(apis).values({"name": "B", **api}))
        connection.execute(update(grants).values({"scopes": ["b"], **grant}))
    store.revoke(one(store, State.NEXT).key.kid)
    assert one(store, State.NEXT).key.longest_lifetime == longest
    assert one(store, State.NEXT, "ES256").key.longest_lifetime == 0


def test_a_longer_lifetime_extends_the_keys_that_may_still_sign_and_a_shorter_one_changes_nothing(
    store: KeyStore, clock: Clock
) -> None:
    clock.now += ROTATION
    store.announce()
    seen = []
    for lifetime in (500, 100):
        with writing(store.engine) as connection:
            connection.execute(update(grants).values(token_lifetime=lifetime))
            store.cover_lifetimes(connection)
        seen.append([life.key.longest_lifetime for life in store.read().lives if life.key.alg == "RS256"])
    assert seen == [[500, 500, LIFETIME]] * 2


def test_the_first_key_signs_if_the_clock_is_before_all_keys(store: KeyStore, clock: Clock) -> None:
    kids = [life.key.kid for life in store.read().lives]
    clock.now -= 100
    store.announce()
    assert states(store) == [State.NEXT, State.CURRENT]
    assert [life.key.kid for life in store.read().lives] == kids


def changes(store: KeyStore, kid: str) -> dict[str, Callable[[], object]]:
    return {
        "start": store.announce,
        "announce": store.announce,
        "rotate": lambda: store.rotate(SIGNING_ALGS),
        "revoke": lambda: store.revoke(kid),
        "reencrypt": store.reencrypt,
    }


@pytest.mark.parametrize("change", ["announce", "rotate", "revoke", "start"])
def test_of_many_processes_that_act_at_once_one_makes_the_next_key(
    store: KeyStore, clock: Clock, tmp_path: Path, new_engine: NewEngine, change: str
) -> None:
    kid = one(store, State.CURRENT).key.kid
    clock.now += ROTATION
    if change == "start":
        with writing(store.engine) as connection:
            connection.exec_driver_sql("DELETE FROM signing_keys")
    stores = [open_store(new_engine(), tmp_path, clock) for _ in range(6)]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda one_of_them: changes(one_of_them, kid)[change](), stores))
    expected = {
        "announce": [State.NEXT, State.CURRENT, State.PREVIOUS],
        "rotate": [State.NEXT, State.CURRENT, State.PREVIOUS],
        "revoke": [State.NEXT, State.CURRENT, State.REVOKED],
        "start": [State.NEXT, State.CURRENT],
    }
    for one_of_them in stores:
        assert states(one_of_them) == expected[change]
        one_of_them.engine.dispose()


@pytest.mark.parametrize("change", ["announce", "rotate", "revoke", "reencrypt"])
def test_a_change_that_fails_has_changed_nothing(
    store: KeyStore, clock: Clock, tmp_path: Path, change: str
) -> None:
    clock.now += ROTATION
    before = store.read().lives
    kid = one(store, State.CURRENT).key.kid
    (tmp_path / "key-encryption-key").unlink()
    with pytest.raises(KeyEncryptionError, match=r"cannot be read \(No such file or directory\)"):
        changes(store, kid)[change]()
    assert store.read().lives == before


def test_reencrypts_with_the_first_of_two_keys(store: KeyStore, tmp_path: Path) -> None:
    file = tmp_path / "key-encryption-key"
    stored = [life.key.encrypted_private_jwk for life in store.read().lives]
    file.write_text(f"{'n' * 43}\n{'k' * 43}\n")
    plain = [json.loads(store.encryption.decrypt(encrypted)) for encrypted in stored]
    store.reencrypt()
    file.write_text("n" * 43)
    again = [life.key.encrypted_private_jwk for life in store.read().lives]
    assert [json.loads(store.encryption.decrypt(encrypted)) for encrypted in again] == plain
    with pytest.raises(KeyEncryptionError, match="does not decrypt the stored signing keys"):
        store.encryption.decrypt(stored[0])
    file.write_text("k" * 43)
    with pytest.raises(KeyEncryptionError, match="does not decrypt the stored signing keys"):
        store.reencrypt()


def test_a_stored_private_key_is_a_whole_jwk_that_any_library_can_import(store: KeyStore) -> None:
    for life in store.read().lives:
        private = json.loads(store.encryption.decrypt(life.key.encrypted_private_jwk))
        assert private.items() >= life.key.public_jwk.items()
        assert (private["kid"], private["use"], private["alg"]) == (life.key.kid, "sig", life.key.alg)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, ROTATION * 2)),
        st.tuples(st.sampled_from(["announce", "rotate"]), st.just(0)),
        st.tuples(st.just("revoke"), st.integers(0, 5)),
    ),
    max_size=15,
)


@pytest.mark.requirement("RFC 7517 4.5 kid")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.databases("sqlite")  # too slow on the other
@given(operations=OPERATIONS)
def test_the_invariants_hold_after_any_operations(
    store: KeyStore, clock: Clock, operations: list[tuple[str, int]]
) -> None:
    """One key signs, a next one exists, and what has signed is published until its last token expires."""
    _start_anew(store)
    signed: dict[str, float] = {}
    revoked: set[str] = set()
    for name, number in operations:
        if name == "wait":
            signed[one(store, State.CURRENT).key.kid] = clock.now
            clock.now += number
        elif name == "revoke":
            lives = [life for life in store.read().lives if life.key.alg == "RS256"]
            revoked.add(lives[number % len(lives)].key.kid)
            store.revoke(lives[number % len(lives)].key.kid)
        else:
            changes(store, "")[name]()
        keys = store.read()
        current = one(store, State.CURRENT).key
        signed[current.kid] = clock.now
        assert name == "wait" or len(keys.of("RS256", clock.now, State.NEXT)) == 1
        published = {key.kid for key in keys.published(clock.now)}
        assert published.isdisjoint(revoked)
        assert all("d" not in key.public_jwk for key in keys.published(clock.now))
        assert published >= {kid for kid, at in signed.items() if clock.now < at + LIFETIME} - revoked
        assert current.signs_from >= current.announced_at + ANNOUNCEMENT or revoked or current.generation == 1


def _start_anew(store: KeyStore) -> None:
    with writing(store.engine) as connection:
        connection.exec_driver_sql("DELETE FROM signing_keys")
        store.complete(connection)


def test_a_database_without_keys_does_not_lack_a_next_one(store: KeyStore, clock: Clock) -> None:
    with writing(store.engine) as connection:
        connection.execute(delete(grants))
        connection.exec_driver_sql("DELETE FROM signing_keys")
    assert not store.read().lacks_a_next(clock.now)
