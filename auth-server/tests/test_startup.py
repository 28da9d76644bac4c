"""A start names every problem at once, or makes what is missing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from auth_server.settings_reader import SettingsError
from auth_server.startup import Service, apply, open_service

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Start = Callable[[dict[str, str]], Service]
NO_URL = "is not an absolute http(s) URL without a query, fragment or user name; correct it"
EXPLAINED = "EXPLAIN: shows what refusals hide; set it to 0, or ISSUER to a loopback URL"
NO_FILE = "cannot be used (unable to open database file); make it a file that this service can write"


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        apply(open_service(environ))
    return caught.value.problems


def test_names_all_problems_in_one_message(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "job.sha256").unlink()
    (tmp_path / "off.sha256").write_text("ff" * 31)
    tenant = tmp_path / "tenant.yaml"
    text = tenant.read_text().replace("bot.json", "x.json", 1)
    tenant.write_text(text.replace("client: bot,", "client: who,") + "users: []\n")
    (tmp_path / "none.sha256").write_bytes(b"\xff" * 64)
    (tmp_path / "key-encryption-key").write_bytes(b"\xff")
    environ |= {"ISSUER": "http://[", "EXPLAIN": "1", "DATABASE_URL": "sqlite:////nowhere/a.db"}
    with pytest.raises(SettingsError) as caught:
        open_service(environ)
    assert str(caught.value) == (
        "auth-server: cannot start, 10 problem(s):\n"
        f"  - ISSUER: {NO_URL}\n"
        f"  - {EXPLAINED}\n"
        f"  - TENANT_FILE: {tenant}: grants[6].client: who is not a client of the tenant; declare it\n"
        f"  - TENANT_FILE: {tenant}: users: is unknown; remove it\n"
        f"  - SECRETS_DIR: {tmp_path}/job.sha256 cannot be read (No such file or directory); "
        "put the digest of a secret of job there\n"
        f"  - SECRETS_DIR: {tmp_path}/none.sha256 is not a SHA-256 digest of 64 hexadecimal digits; "
        "put the digest of a secret of none there\n"
        f"  - SECRETS_DIR: {tmp_path}/off.sha256 is not a SHA-256 digest of 64 hexadecimal digits; "
        "put the digest of a secret of off there\n"
        f"  - SECRETS_DIR: {tmp_path}/x.json cannot be read (No such file or directory); "
        "put the public keys of bot there, as a JWK Set\n"
        f"  - KEY_ENCRYPTION_KEY_FILE: {tmp_path}/key-encryption-key does not hold one or two keys "
        "of 32 bytes in base64url; restore it\n"
        f"  - DATABASE_URL: {NO_FILE}"
    )


def test_refuses_another_key_encryption_key_instead_of_making_new_keys(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "key-encryption-key").write_text("x" * 43)
    (problem,) = problems(environ)
    assert problem == (
        f"KEY_ENCRYPTION_KEY_FILE: {tmp_path}/key-encryption-key does not decrypt the stored signing keys; "
        "restore the one that did"
    )


def test_keeps_its_signing_keys_when_started_again(environ: dict[str, str], start: Start) -> None:
    first, second = start(environ), start(environ)
    assert first.keys.published() == second.keys.published()
    assert len(first.keys.published()) == 6


def test_makes_one_key_set_when_several_start_on_an_empty_database(
    environ: dict[str, str], start: Start, empty_database: dict[str, str]
) -> None:
    environ |= empty_database
    with ThreadPoolExecutor(4) as pool:
        first, *others = (service.keys.published() for service in pool.map(start, [environ] * 4))
    assert [key["alg"] for key in first] == ["RS256"] * 2 + ["ES256"] * 2 + ["EdDSA"] * 2
    assert all(other == first for other in others)


def test_refuses_keys_that_another_instance_has_encrypted_with_another_key(
    environ: dict[str, str], start: Start, empty_database: dict[str, str], tmp_path: Path
) -> None:
    environ |= empty_database
    (tmp_path / "other-key").write_text("x" * 43)
    late = open_service(environ | {"KEY_ENCRYPTION_KEY_FILE": str(tmp_path / "other-key")})
    start(environ)
    with pytest.raises(SettingsError, match="/other-key does not decrypt"):
        apply(late)
    late.engine.dispose()


def test_starts_with_another_key_encryption_key_once_the_signing_keys_are_deleted(
    environ: dict[str, str], start: Start, tmp_path: Path, execute: Callable[[str], None]
) -> None:
    """What the documentation says to do if the key is lost."""
    (tmp_path / "key-encryption-key").write_text("x" * 43)
    execute("DELETE FROM signing_keys")
    assert len(start(environ).keys.published()) == 6


FEDERATED = """
  - {client_id: one, name: One, federated: {issuer: "https://a", subject: a, jwks_uri: "http://a/keys"}}
  - client_id: two
    name: Two
    federated: {issuer: "https://b", subject: b, jwks_uri: "https://b", ca_file: none.sha256, bearer_file: b}
  - client_id: three
    name: Three
    federated: {issuer: "https://c", subject: c, jwks_file: key-encryption-key}
grants:
"""


def test_names_what_is_wrong_with_the_keys_of_other_issuers(environ: dict[str, str], tmp_path: Path) -> None:
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace("\ngrants:\n", FEDERATED, 1))
    file = "cannot be used ([Errno 2] No such file or directory: '" + f"{tmp_path}/b')"
    plain, key_file, ca_file, bearer_file = problems(environ)
    assert plain == (
        "TENANT_FILE: the jwks_uri http://a/keys of https://a cannot be used "
        "(plain http, and ISSUER is https); correct it"
    )
    assert key_file == (
        "TENANT_FILE: the jwks_file key-encryption-key of https://c cannot be used "
        "(is not a JWK Set); correct it"
    )
    assert ca_file.startswith("TENANT_FILE: the ca_file none.sha256 of https://b cannot be used (")
    assert bearer_file == f"TENANT_FILE: the bearer_file b of https://b {file}; correct it"


@pytest.mark.kinds_of_failures(
    "platform-token", {"key-address: plain http": "The tenant file is not applied."}
)
def test_plain_http_for_keys_goes_with_plain_http_for_the_issuer(
    environ: dict[str, str], start: Start, tmp_path: Path
) -> None:
    tenant = tmp_path / "tenant.yaml"
    one = FEDERATED.splitlines()[1]
    tenant.write_text(tenant.read_text().replace("\ngrants:\n", f"\n{one}\ngrants:\n", 1))
    start(environ | {"ISSUER": "http://localhost:9000"})
