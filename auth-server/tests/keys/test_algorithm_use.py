"""Which algorithms have keys, and when an API whose algorithm changes is signed for with the new one."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from auth_server.algorithms import SIGNING_ALGS
from auth_server.database.engine import writing
from auth_server.database.tables import apis, clients, grants, signing_keys
from auth_server.keys.algorithm_use import REMEMBERED, signing_algs
from auth_server.keys.encryption import KeyEncryption
from auth_server.keys.life import State
from auth_server.keys.store import KeyStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwk
from joserfc.jwk import Key
from sqlalchemy import Connection, Engine, delete, insert, select, update

pytestmark = pytest.mark.databases("sqlite", "postgresql")

NewEngine = Callable[[], Engine]

ROTATION, ANNOUNCEMENT, LIFETIME = 5000, 600, 300
A, B = "https://a.example", "https://b.example"


class Clock:
    """A clock that the test moves, in Unix time."""

    now = 10_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def quickly(_alg: str) -> Key:
    """Make a key of a kind that is made quickly."""
    return jwk.generate_key("EC", "P-256")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def open_store(engine: Engine, folder: Path, clock: Callable[[], float]) -> KeyStore:
    encryption = KeyEncryption(folder / "key-encryption-key")
    return KeyStore(engine, encryption, ROTATION, ANNOUNCEMENT, LIFETIME, now=clock, generate=quickly)


@pytest.fixture
def store(tmp_path: Path, new_engine: NewEngine, clock: Clock) -> Iterator[KeyStore]:
    (tmp_path / "key-encryption-key").write_text("k" * 43)
    store = open_store(new_engine(), tmp_path, clock)
    yield store
    store.engine.dispose()


def declare(store: KeyStore, **algs: str | None) -> None:
    """Make `a` and `b` the only APIs, each with this algorithm, as applying a tenant does."""
    declared = {f"https://{name}.example": alg for name, alg in algs.items() if alg}
    with writing(store.engine) as connection:
        before = signing_algs(connection, store.now())
        connection.execute(delete(grants).where(grants.c.audience.not_in(declared)))
        connection.execute(delete(apis).where(apis.c.identifier.not_in(declared)))
        for audience, alg in declared.items():
            if audience in before:
                this = apis.c.identifier == audience
                connection.execute(update(apis).where(this).values(signing_alg=alg))
            else:
                api = {"identifier": audience, "name": "A", "scopes": ["a"], "signing_alg": alg}
                connection.execute(insert(apis).values(api))
                grant_access(connection, audience)
        store.complete(connection, before)
        store.cover_lifetimes(connection)


def grant_access(connection: Connection, audience: str) -> None:
    client = {"client_id": audience, "name": "A", "enabled": True, "secret_digest_files": []}
    if not connection.scalar(select(clients.c.client_id).where(clients.c.client_id == audience)):
        connection.execute(insert(clients).values(client))
    grant = {"client": audience, "audience": audience, "scopes": ["a"]}
    connection.execute(insert(grants).values(grant))


def published(store: KeyStore) -> set[str]:
    """Return the algorithms of the key set."""
    return {key.alg for key in store.read().published(store.now())}


def states(store: KeyStore, alg: str) -> list[str]:
    return [life.state(store.now()) for life in store.read().lives if life.key.alg == alg]


def test_makes_keys_of_the_declared_algorithms_alone(store: KeyStore) -> None:
    declare(store, a="ES256")
    assert published(store) == {"ES256"}
    assert states(store, "ES256") == [State.NEXT, State.CURRENT]


def test_a_server_without_apis_needs_no_key(store: KeyStore) -> None:
    declare(store)
    assert (published(store), store.signing_algs()) == (set(), {})


def test_the_old_algorithm_signs_until_the_new_key_has_been_announced_for_long(
    store: KeyStore, clock: Clock
) -> None:
    declare(store, a="RS256")
    start = clock.now
    declare(store, a="ES256")
    assert published(store) == {"RS256", "ES256"}
    assert states(store, "ES256") == [State.NEXT]
    (change,) = store.algorithm_changes()
    assert str(change) == (
        "https://a.example: RS256 signs until 1970-01-01T02:56:40Z and ES256 after that, "
        "because verifiers must learn its key first"
    )
    seen = {}
    end = ANNOUNCEMENT + REMEMBERED + LIFETIME
    for second in (0, ANNOUNCEMENT - 1, ANNOUNCEMENT, ANNOUNCEMENT + REMEMBERED, end - 1, end):
        clock.now = start + second
        seen[second] = store.signing_algs()[A], states(store, "RS256"), "RS256" in published(store)
    assert list(seen.values()) == [
        ("RS256", [State.NEXT, State.CURRENT], True),
        ("RS256", [State.NEXT, State.CURRENT], True),
        ("ES256", [State.NEXT, State.CURRENT], True),  # a worker may still remember it
        ("ES256", [State.RETIRED, State.PREVIOUS], True),
        ("ES256", [State.RETIRED, State.PREVIOUS], True),
        ("ES256", [State.RETIRED, State.RETIRED], False),
    ]
    assert states(store, "ES256") == [State.CURRENT]
    assert store.read().lacks_a_next(clock.now)
    store.announce()
    assert states(store, "ES256") == [State.NEXT, State.CURRENT]


@pytest.mark.requirement("RFC 9864 4.1.2 EdDSA")
def test_ed25519_gets_a_key_of_its_own_beside_the_one_that_is_called_eddsa(
    store: KeyStore, clock: Clock
) -> None:
    """Most verifiers refuse the tokens of a key that has another name in their copy of the key set."""
    declare(store, a="EdDSA")
    called_eddsa = store.read().lives
    declare(store, a="Ed25519")
    assert (store.signing_algs(), published(store)) == ({A: "EdDSA"}, {"EdDSA", "Ed25519"})
    clock.now += ANNOUNCEMENT
    (current,) = store.read().of("Ed25519", clock.now, State.CURRENT)
    assert store.signing_algs() == {A: "Ed25519"}
    assert current.key.kid not in {life.key.kid for life in called_eddsa}
    assert {life.key.kid for life in called_eddsa} <= {key.kid for key in store.read().published(clock.now)}
    assert {key.alg for key in store.read().published(clock.now)} == {"EdDSA", "Ed25519"}
    clock.now += REMEMBERED + LIFETIME
    assert published(store) == {"Ed25519"}


def test_an_api_waits_until_the_second_in_which_its_new_key_signs(store: KeyStore, clock: Clock) -> None:
    declare(store, a="RS256")
    declare(store, a="ES256")
    waiting = []
    for clock.now in (10_000 + ANNOUNCEMENT - 1, 10_000 + ANNOUNCEMENT):
        waiting.append(len(store.algorithm_changes()))
    assert waiting == [1, 0]


def test_lists_the_apis_that_wait_by_their_names(store: KeyStore) -> None:
    declare(store, b="RS256")
    declare(store, b="RS256", a="RS256")
    declare(store, b="ES256", a="ES256")
    assert [change.audience for change in store.algorithm_changes()] == [A, B]


def test_applying_again_changes_nothing(store: KeyStore, clock: Clock) -> None:
    declare(store, a="RS256")
    declare(store, a="ES256")
    before = store.read().lives, store.algorithm_changes()
    for _ in range(2):
        clock.now += 10
        declare(store, a="ES256")
        assert (store.read().lives, store.algorithm_changes()) == before
    clock.now += ANNOUNCEMENT + REMEMBERED - 30
    declare(store, a="ES256")
    assert [life.signs_until for life in store.read().lives if life.key.alg == "RS256"] == [
        10_000 + ANNOUNCEMENT + REMEMBERED
    ] * 2


def test_a_shorter_announcement_does_not_let_an_algorithm_sign_before_its_key(
    store: KeyStore, clock: Clock
) -> None:
    declare(store, a="RS256")
    declare(store, a="ES256")
    until = store.algorithm_changes()[0].until
    declare(replace(store, announcement=10), a="ES256")
    assert [change.until for change in store.algorithm_changes()] == [until]
    clock.now = until
    assert states(store, "ES256") == [State.CURRENT]


def test_a_key_of_an_ending_algorithm_gets_no_next_one(store: KeyStore, clock: Clock) -> None:
    declare(store, a="RS256")
    clock.now += ROTATION - 10
    declare(store, a="ES256")
    clock.now += 10
    assert states(store, "RS256") == [State.CURRENT, State.PREVIOUS]
    assert not store.read().lacks_a_next(clock.now)


def test_a_new_api_is_signed_for_at_once(store: KeyStore) -> None:
    declare(store, a="RS256")
    declare(store, a="RS256", b="ES256")
    assert states(store, "ES256") == [State.NEXT, State.CURRENT]
    assert store.signing_algs() == {A: "RS256", B: "ES256"}


def test_a_new_api_is_signed_for_at_once_while_another_still_waits(store: KeyStore, clock: Clock) -> None:
    declare(store, a="RS256")
    declare(store, a="ES256")
    until = store.algorithm_changes()[0].until
    kid = store.read().lives[-1].key.kid
    clock.now += 10
    declare(store, a="ES256", b="ES256")
    assert states(store, "ES256") == [State.NEXT, State.CURRENT]
    assert store.read().of("ES256", clock.now, State.CURRENT)[0].key.kid == kid
    assert store.signing_algs() == {A: "RS256", B: "ES256"}
    assert [change.until for change in store.algorithm_changes()] == [until]


def test_changes_at_once_to_an_algorithm_whose_key_is_known(store: KeyStore, clock: Clock) -> None:
    declare(store, a="RS256", b="ES256")
    clock.now += ANNOUNCEMENT
    declare(store, a="ES256", b="ES256")
    assert store.signing_algs() == {A: "ES256", B: "ES256"}
    assert store.algorithm_changes() == []
    clock.now += REMEMBERED - 1
    assert states(store, "RS256") == [State.NEXT, State.CURRENT]
    clock.now += 1
    assert states(store, "RS256") == [State.RETIRED, State.PREVIOUS]


def test_taking_a_change_back_lets_the_old_algorithm_stay(store: KeyStore, clock: Clock) -> None:
    declare(store, a="RS256")
    kids = [life.key.kid for life in store.read().lives]
    declare(store, a="ES256")
    clock.now += 10
    declare(store, a="RS256")
    assert store.algorithm_changes() == []
    clock.now += REMEMBERED
    assert [life.key.kid for life in store.read().lives if life.key.alg == "RS256"] == kids
    assert states(store, "RS256") == [State.NEXT, State.CURRENT]
    assert published(store) == {"RS256"}


def test_another_change_during_the_wait_keeps_the_algorithm_that_signs(store: KeyStore, clock: Clock) -> None:
    declare(store, a="RS256")
    declare(store, a="ES256")
    clock.now += 10
    declare(store, a="EdDSA")
    (change,) = store.algorithm_changes()
    assert (change.former_alg, change.alg, change.until) == ("RS256", "EdDSA", clock.now + ANNOUNCEMENT)
    clock.now += REMEMBERED
    assert published(store) == {"RS256", "EdDSA"}
    clock.now = change.until
    assert store.signing_algs() == {A: "EdDSA"}
    assert states(store, "EdDSA") == [State.CURRENT]


def test_revoking_the_announced_key_makes_the_api_wait_for_another(store: KeyStore, clock: Clock) -> None:
    declare(store, a="RS256")
    declare(store, a="ES256")
    clock.now += ANNOUNCEMENT - 1
    (announced,) = store.read().of("ES256", clock.now, State.NEXT)
    store.revoke(announced.key.kid)
    assert [change.until for change in store.algorithm_changes()] == [clock.now + ANNOUNCEMENT]
    clock.now += ANNOUNCEMENT - 1
    assert store.signing_algs() == {A: "RS256"}
    assert states(store, "RS256") == [State.NEXT, State.CURRENT]
    clock.now += 1
    assert (store.signing_algs(), states(store, "ES256")) == ({A: "ES256"}, [State.CURRENT, State.REVOKED])


def test_revoking_the_old_key_during_the_wait_lets_its_next_one_sign(store: KeyStore, clock: Clock) -> None:
    declare(store, a="RS256")
    declare(store, a="ES256")
    (current,) = store.read().of("RS256", clock.now, State.CURRENT)
    store.revoke(current.key.kid)
    assert states(store, "RS256") == [State.NEXT, State.CURRENT, State.REVOKED]
    clock.now += ANNOUNCEMENT + REMEMBERED + LIFETIME
    assert published(store) == {"ES256"}


def test_revoking_a_key_that_only_workers_that_remember_it_use_lets_its_next_one_sign(
    store: KeyStore, clock: Clock
) -> None:
    declare(store, a="RS256", b="ES256")
    clock.now += ANNOUNCEMENT
    declare(store, a="ES256", b="ES256")
    (current,) = store.read().of("RS256", clock.now, State.CURRENT)
    store.revoke(current.key.kid)
    assert states(store, "RS256") == [State.CURRENT, State.REVOKED]


@pytest.mark.parametrize("longest", [0, LIFETIME])
def test_takes_unneeded_keys_of_an_older_database_out_once_their_tokens_have_expired(
    store: KeyStore, clock: Clock, longest: int
) -> None:
    """Earlier versions made keys of every algorithm."""
    declare(store, a="RS256", b="EdDSA")
    with writing(store.engine) as connection:
        connection.execute(delete(grants).where(grants.c.audience == B))
        connection.execute(delete(apis).where(apis.c.identifier == B))
        of_eddsa = update(signing_keys).where(signing_keys.c.alg == "EdDSA")
        connection.execute(of_eddsa.values(longest_lifetime=longest))
    kept = [life.key.kid for life in store.read().lives if life.key.alg == "RS256"]
    declare(store, a="RS256")
    clock.now += REMEMBERED + longest - 1
    assert published(store) == {"RS256", "EdDSA"}
    clock.now += 1
    assert published(store) == {"RS256"}
    assert [life.key.kid for life in store.read().lives if life.key.alg == "RS256"] == kept


def test_an_algorithm_that_is_needed_again_keeps_the_key_that_verifiers_know(
    store: KeyStore, clock: Clock
) -> None:
    declare(store, a="RS256", b="ES256")
    (known,) = store.read().of("ES256", clock.now, State.CURRENT)
    (withdrawn,) = store.read().of("ES256", clock.now, State.NEXT)
    declare(store, a="RS256")
    clock.now += REMEMBERED
    assert states(store, "ES256") == [State.RETIRED, State.PREVIOUS]
    declare(store, a="RS256", b="ES256")
    assert states(store, "ES256") == [State.NEXT, State.RETIRED, State.CURRENT]
    clock.now = withdrawn.key.signs_from + 1
    (current,) = store.read().of("ES256", clock.now, State.CURRENT)
    assert current.key.kid not in (known.key.kid, withdrawn.key.kid)


def test_an_algorithm_that_is_needed_again_later_gets_a_new_key(store: KeyStore, clock: Clock) -> None:
    declare(store, a="RS256", b="ES256")
    declare(store, a="RS256")
    clock.now += REMEMBERED + LIFETIME
    declare(store, a="ES256")
    assert states(store, "ES256") == [State.NEXT, State.RETIRED, State.RETIRED]
    clock.now += ANNOUNCEMENT
    store.announce()
    assert states(store, "ES256") == [State.NEXT, State.CURRENT]
    assert store.signing_algs() == {A: "ES256"}


def test_the_old_keys_cover_the_lifetime_that_is_granted_during_the_wait(store: KeyStore) -> None:
    declare(store, a="RS256")
    with writing(store.engine) as connection:
        connection.execute(update(grants).values(token_lifetime=2000))
    declare(store, a="ES256")
    assert {life.key.longest_lifetime for life in store.read().lives} == {2000}


def test_of_many_processes_that_apply_at_once_one_makes_the_key(
    store: KeyStore, clock: Clock, tmp_path: Path, new_engine: NewEngine
) -> None:
    declare(store, a="RS256")
    stores = [open_store(new_engine(), tmp_path, clock) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda each: declare(each, a="ES256"), stores))
    assert (states(store, "RS256"), states(store, "ES256")) == ([State.NEXT, State.CURRENT], [State.NEXT])
    assert len(store.algorithm_changes()) == 1
    for each in stores:
        each.engine.dispose()


ALGS = st.sampled_from(SIGNING_ALGS)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, ROTATION)),
        st.tuples(st.just("wait"), st.integers(1, ANNOUNCEMENT)),
        st.tuples(st.just("declare"), st.tuples(ALGS, st.none() | ALGS)),
        st.tuples(st.sampled_from(["announce", "rotate"]), st.none()),
        st.tuples(st.just("revoke"), st.integers(0, 5)),
    ),
    max_size=20,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.databases("sqlite")  # too slow on the other
@given(operations=OPERATIONS)
def test_whatever_the_tenant_declares_tokens_can_be_signed_and_verified(
    store: KeyStore, clock: Clock, operations: list[tuple[str, Any]]
) -> None:
    """A key signs for each API; it is published for as long as its tokens live, and known before it signs."""
    with writing(store.engine) as connection:
        for table in ("algorithm_changes", "grants", "apis", "signing_keys"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
    declare(store, a="RS256")
    clock.now += ANNOUNCEMENT
    signed: dict[str, float] = {}
    revoked: set[str] = set()
    for name, value in operations:
        _sign(store, signed, is_known=not revoked)
        if name == "wait":
            clock.now += value
        elif name == "declare":
            a, b = value
            declare(store, a=a, b=b)
        elif name == "rotate":
            store.rotate(SIGNING_ALGS)
        elif name == "revoke":
            kids = [life.key.kid for life in store.read().lives]
            revoked.add(kids[value % len(kids)])
            store.revoke(kids[value % len(kids)])
        else:
            store.announce()
        _sign(store, signed, is_known=not revoked)
        known = {key.kid for key in store.read().published(clock.now)}
        assert known >= {kid for kid, at in signed.items() if clock.now < at + LIFETIME} - revoked
        assert known.isdisjoint(revoked)


def _sign(store: KeyStore, signed: dict[str, float], *, is_known: bool) -> None:
    for audience, alg in store.signing_algs().items():
        (life,) = store.read().of(alg, store.now(), State.CURRENT)
        signed[life.key.kid] = store.now()
        if audience == A and is_known:  # it is always declared, so that its verifiers may keep key sets
            assert store.now() >= life.key.announced_at + ANNOUNCEMENT
