"""The signing keys as a worker holds them, and as verifiers see them change."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auth_server.algorithms import SIGNING_ALGS
from auth_server.database.engine import LONGEST_WAIT, writing
from auth_server.database.tables import apis, signing_keys
from auth_server.keys.encryption import KeyEncryption, KeyEncryptionError
from auth_server.keys.life import State
from auth_server.keys.signing_keys import NoSigningKeyError, SigningKeys
from auth_server.keys.store import KeyStore
from auth_server.startup import Service
from flask.testing import FlaskClient
from joserfc import jwk
from joserfc.jwk import Key
from joserfc.util import json_b64decode
from sqlalchemy import Engine, delete, event, insert, update
from werkzeug.test import TestResponse

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Ask = Callable[..., TestResponse]
LogLines = Callable[[], list[dict[str, Any]]]

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


class Clock:
    """A clock that the test moves."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def another_worker(service: Service, ttl: float = 2, now: Callable[[], float] = lambda: 0.0) -> SigningKeys:
    return SigningKeys(service.keys.store, ttl, now)


def statements_of(service: Service) -> list[str]:
    """Return a list that collects the statements that reach the database."""
    statements: list[str] = []
    event.listen(service.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    return statements


def test_issuing_reads_and_writes_nothing_and_imports_no_key(service: Service) -> None:
    keys = another_worker(service)
    first = keys.current("RS256")
    statements = statements_of(service)
    assert all(keys.current("RS256") is first for _ in range(10))
    assert statements == []


def test_verifying_reads_nothing(service: Service) -> None:
    keys = another_worker(service, now=lambda: 1.0)
    first = keys.current("RS256")
    statements = statements_of(service)
    found = keys.by_protected_header(first.protected_header)
    assert (found and found.kid, statements) == (first.kid, [])


@pytest.mark.requirement("RFC 9068 2.1 typ")
def test_the_header_of_every_token_names_its_type_and_its_key(service: Service) -> None:
    key = service.keys.current("ES256")
    header = json_b64decode(key.protected_header)
    assert header == {"typ": "at+jwt", "alg": "ES256", "kid": key.kid}


def test_a_worker_publishes_the_keys_as_soon_as_it_has_started(service: Service) -> None:
    assert len(another_worker(service).published()) == 6


@pytest.mark.parametrize("state", [State.NEXT, State.CURRENT])
def test_a_check_fails_if_one_key_cannot_be_decrypted(service: Service, state: State) -> None:
    store = service.keys.store
    (life,) = store.read().of("ES256", store.now(), state)
    with service.engine.begin() as connection:
        of_key = update(signing_keys).where(signing_keys.c.kid == life.key.kid)
        connection.execute(of_key.values(encrypted_private_jwk=b"x"))
    with pytest.raises(KeyEncryptionError):
        another_worker(service).check()


def test_a_check_fails_if_no_key_signs_for_an_api(service: Service) -> None:
    assert service.keys.check()
    with service.engine.begin() as connection:
        connection.execute(delete(signing_keys).where(signing_keys.c.alg == "RS256"))
    assert not service.keys.check()


def test_workers_agree_once_they_read_the_keys_again(service: Service) -> None:
    clock = Clock(0.0)
    keys = another_worker(service, 2, clock)
    leaked, others = keys.current("ES256"), keys.current("RS256")
    service.keys.store.revoke(leaked.kid)
    clock.now = 1.9
    assert keys.current("ES256") is leaked
    clock.now = 2.0
    (life,) = service.keys.read().of("ES256", service.keys.store.now(), State.CURRENT)
    assert keys.current("ES256").kid == life.key.kid
    assert leaked.kid not in {key["kid"] for key in keys.published()}
    assert keys.by_protected_header(leaked.protected_header) is None
    assert keys.current("RS256") is others


def test_finds_a_key_that_was_made_after_the_keys_were_read(service: Service) -> None:
    with service.engine.begin() as connection:
        connection.execute(delete(signing_keys).where(signing_keys.c.alg == "EdDSA"))
    keys = another_worker(service, 1000)
    with pytest.raises(NoSigningKeyError, match="no key signs EdDSA"):
        keys.current("EdDSA")
    another = another_worker(service, 1000)
    assert another.by_protected_header(b"") is None
    service.keys.store.announce()
    made = keys.current("EdDSA")
    found = another.by_protected_header(made.protected_header)
    assert found
    assert (found.kid, found.key.is_private) == (made.kid, False)


def forget_the_next(service: Service) -> None:
    with service.engine.begin() as connection:
        connection.execute(delete(signing_keys).where(signing_keys.c.generation == 2))
    service.keys.read()


def test_a_next_key_is_made_by_a_request_for_the_keys_and_not_by_one_for_a_token(
    client: FlaskClient, ask: Ask, service: Service
) -> None:
    forget_the_next(service)
    assert ask().status_code == 200
    assert len(service.keys.read().lives) == 3
    assert len(client.get("/.well-known/jwks.json").get_json()["keys"]) == 6


def test_keys_are_published_even_if_no_next_one_can_be_made(
    client: FlaskClient, ask: Ask, service: Service, tmp_path: Path, log_lines: LogLines
) -> None:
    assert ask().status_code == 200
    forget_the_next(service)
    (tmp_path / "key-encryption-key").unlink()
    assert len(client.get("/.well-known/jwks.json").get_json()["keys"]) == 3
    assert "the next signing key was not made" in [line["message"] for line in log_lines()]
    assert ask().status_code == 200


def test_one_thread_of_a_worker_makes_the_next_keys_and_the_others_do_not_wait(
    client: FlaskClient, service: Service
) -> None:
    forget_the_next(service)
    with service.keys._announcing:
        assert len(client.get("/.well-known/jwks.json").get_json()["keys"]) == 3
    assert len(client.get("/.well-known/jwks.json").get_json()["keys"]) == 6


def test_a_request_for_the_keys_waits_three_seconds_for_another_process_that_makes_them(
    service: Service,
) -> None:
    waits = []

    class Occupied(KeyStore):
        def announce(self, wait: float = LONGEST_WAIT) -> None:
            waits.append(wait)

    forget_the_next(service)
    store = service.keys.store
    occupied = Occupied(
        store.engine, store.encryption, store.rotation, store.announcement, store.token_lifetime
    )
    assert len(SigningKeys(occupied, 2).published()) == 3
    assert waits == [3]


def test_answers_503_while_no_key_signs(ask: Ask, service: Service, log_lines: LogLines) -> None:
    with service.engine.begin() as connection:
        connection.execute(delete(signing_keys))
    service.keys.read()
    response = ask()
    assert response.status_code == 503
    assert response.get_json()["error"] == "temporarily_unavailable"
    assert log_lines()[-1]["reason"] == "no key signs RS256"


@pytest.mark.requirement("RFC 7517 9.2 private keys")
def test_publishes_next_current_and_previous_and_no_private_member(
    client: FlaskClient, service: Service
) -> None:
    store = service.keys.store
    changes: list[Callable[[], None]] = [
        lambda: store.rotate(SIGNING_ALGS),
        store.reencrypt,
        lambda: store.rotate(SIGNING_ALGS),
        lambda: store.revoke(store.read().lives[0].key.kid),
    ]
    for change in changes:
        with service.engine.begin() as connection:  # so that the next ones may sign at once
            connection.execute(update(signing_keys).values(announced_at=0))
        change()
        service.keys.read()
        keys = client.get("/.well-known/jwks.json").get_json()["keys"]
        assert {key["kid"] for key in keys} == {key.kid for key in store.read().published(store.now())}
        for key in keys:
            assert not PRIVATE & key.keys()
            assert (key["use"], jwk.import_key(key).is_private) == ("sig", False)


class CachingVerifier:
    """A verifier like our API: a soft time, and a cooldown between fetches for an unknown kid."""

    def __init__(self, keys: SigningKeys, clock: Clock, soft_time: int, cooldown: int) -> None:
        self.keys, self.clock, self.soft_time, self.cooldown = keys, clock, soft_time, cooldown
        self.fetch()
        self.unknown_fetch_at = -float(cooldown)

    def fetch(self) -> None:
        """Fetch the key set."""
        self.known = {key["kid"] for key in self.keys.published()}
        self.fetched_at = self.clock.now

    def accepts(self, kid: str) -> bool:
        """Return whether this key is known, after a fetch if one is allowed."""
        if self.clock.now >= self.fetched_at + self.soft_time:
            self.fetch()
        if kid not in self.known and self.clock.now >= self.unknown_fetch_at + self.cooldown:
            self.unknown_fetch_at = self.clock.now
            self.fetch()
        return kid in self.known


SOFT_TIME, COOLDOWN, CACHE = 300, 30, 2


@pytest.fixture
def open_keys(new_engine: Callable[[], Engine], tmp_path: Path) -> Callable[[Clock, int], SigningKeys]:
    """Return a function that opens keys which rotate every `announcement` seconds, without checks."""
    (tmp_path / "kek").write_text("k" * 43)
    engine = new_engine()

    def quickly(_alg: str) -> Key:
        return jwk.generate_key("EC", "P-256")

    with writing(engine) as connection:
        api = {"identifier": "https://a.example", "name": "A", "scopes": ["a"], "signing_alg": "RS256"}
        connection.execute(insert(apis).values(api))

    def opened(clock: Clock, announcement: int) -> SigningKeys:
        store = KeyStore(
            engine,
            KeyEncryption(tmp_path / "kek"),
            rotation=announcement,
            announcement=announcement,
            token_lifetime=100,
            now=clock,
            generate=quickly,
        )
        store.announce()
        return SigningKeys(store, CACHE, clock)

    return opened


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("announcement", "longest_outage"), [(SOFT_TIME + COOLDOWN + CACHE + 1, 0), (10, COOLDOWN)]
)
def test_a_key_that_signs_before_it_is_known_is_an_outage(
    open_keys: Callable[[Clock, int], SigningKeys],
    capsys: pytest.CaptureFixture[str],
    announcement: int,
    longest_outage: int,
) -> None:
    """Why a start with such times is refused; a forged kid starts the verifier's cooldown."""
    clock = Clock(1000.0)
    issuer = open_keys(clock, announcement)
    verifier = CachingVerifier(issuer, clock, SOFT_TIME, COOLDOWN)
    accepted = []
    for _ in range(1800):
        clock.now += 1
        issuer.published()  # as others fetch them, at any time
        verifier.accepts("forged")
        accepted.append(verifier.accepts(issuer.current("RS256").kid))
    runs = [len(list(run)) for known, run in itertools.groupby(accepted) if not known]
    with capsys.disabled():
        print(  # noqa: T201 the test is there to print these numbers
            f"\nannounced {announcement} s before it signs, fetched after {SOFT_TIME} s: of {len(accepted)} "
            f"calls {accepted.count(False)} refused, {max(runs, default=0)} s on end"
        )
    assert max(runs, default=0) <= longest_outage
    assert bool(runs) == bool(longest_outage)


class UnknownKidVerifier(CachingVerifier):
    """A verifier like aws-jwt-verify: it keeps the whole key set, and fetches only for an unknown kid."""

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        super().__init__(keys, clock, soft_time=10**9, cooldown=0)


def test_revoking_the_next_key_too_makes_verifiers_of_whole_sets_fetch_at_once(
    open_keys: Callable[[Clock, int], SigningKeys],
) -> None:
    """What the documentation says to do when a key leaks; the first step alone does not reach them."""
    clock = Clock(1000.0)
    issuer = open_keys(clock, 1000)
    verifier = UnknownKidVerifier(issuer, clock)
    leaked = issuer.current("RS256").kid
    (following,) = issuer.store.read().of("RS256", clock.now, State.NEXT)

    issuer.store.revoke(leaked)
    issuer.read()
    assert issuer.current("RS256").kid == following.key.kid
    assert leaked not in {key["kid"] for key in issuer.published()}
    assert verifier.accepts(issuer.current("RS256").kid)
    assert verifier.accepts(leaked)

    issuer.store.revoke(following.key.kid)
    issuer.read()
    assert issuer.current("RS256").kid not in (leaked, following.key.kid)
    assert verifier.accepts(issuer.current("RS256").kid)
    assert not verifier.accepts(leaked)
    assert not verifier.accepts(following.key.kid)
