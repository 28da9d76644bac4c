"""The settings of the service, read once from the environment; the files they name are not opened here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from auth_server.settings_reader import Network, SettingReader, is_loopback_http, issuer_problem

MAX_TOKEN_LIFETIME = 30 * 86400  # a token that lives longer is a password
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can choose; durations in seconds."""

    issuer: str
    database_url: str
    tenant_file: Path
    actions_dir: Path
    secrets_dir: Path
    key_encryption_key_file: Path
    token_lifetime: int
    jwks_ttl: int
    key_rotation: int
    key_announcement: int
    cache_ttl: int
    failed_logins_per_minute: int
    failed_logins_storage: str
    trusted_proxies: tuple[Network, ...]
    log_level: str
    explain: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], problems: list[str]) -> Self:
        """Read the settings and add what is wrong to `problems`, so that the files can still be judged."""
        read = _Reader(environ, problems)
        secrets_dir = Path(read.text("SECRETS_DIR", "/run/secrets"))
        issuer = read.issuer()
        jwks_ttl = read.seconds("JWKS_TTL", 300, 0, 86400)
        cache_ttl = read.seconds("CACHE_TTL", 2, 0, 60)
        key_rotation, key_announcement = read.key_times(jwks_ttl, cache_ttl)
        return cls(
            issuer=issuer,
            database_url=read.database_url(),
            tenant_file=Path(read.text("TENANT_FILE", "tenant.yaml")),
            actions_dir=read.folder("ACTIONS_DIR", "actions"),
            secrets_dir=secrets_dir,
            key_encryption_key_file=Path(
                read.text("KEY_ENCRYPTION_KEY_FILE", str(secrets_dir / "key-encryption-key"))
            ),
            token_lifetime=read.seconds("TOKEN_LIFETIME", 3600, 1, MAX_TOKEN_LIFETIME),
            jwks_ttl=jwks_ttl,
            key_rotation=key_rotation,
            key_announcement=key_announcement,
            cache_ttl=cache_ttl,
            failed_logins_per_minute=read.number("FAILED_LOGINS_PER_MINUTE", 100, 0, 1_000_000),
            failed_logins_storage=read.storage_url("FAILED_LOGINS_STORAGE", "memory://"),
            trusted_proxies=tuple(read.networks("TRUSTED_PROXIES")),
            log_level=read.choice("LOG_LEVEL", "INFO", LOG_LEVELS),
            explain=read.explain(issuer),
        )


class SettingsError(Exception):
    """The service cannot start: one sentence per problem, each naming the setting and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n  - ".join((f"auth-server: cannot start, {len(self.problems)} problem(s):", *self.problems))


class _Reader(SettingReader):
    """Reads the settings that need more than a grammar."""

    def key_times(self, jwks_ttl: int, cache_ttl: int) -> tuple[int, int]:
        """Read for how long a key signs, and is announced before: by then, whoever verifies must know it."""
        rotation = self.seconds("KEY_ROTATION", 30 * 86400, 1, 3650 * 86400)
        announcement = self.seconds("KEY_ANNOUNCEMENT", 3600, 1, 86400 * 30)
        unknown_for = jwks_ttl + self.seconds("JWKS_COOLDOWN", 30, 0, 86400) + cache_ttl
        if announcement <= unknown_for:
            self.problems.append(
                f"KEY_ANNOUNCEMENT: a key would sign {announcement} s after it was announced, and an API may "
                f"not know it for JWKS_TTL + JWKS_COOLDOWN + CACHE_TTL = {unknown_for} s; set it to more"
            )
        if rotation < announcement:
            self.problems.append(
                f"KEY_ROTATION: is shorter than KEY_ANNOUNCEMENT; set it to {announcement} or more"
            )
        return rotation, announcement

    def issuer(self) -> str:
        issuer = self.text("ISSUER")
        insecure_http = self.choice("INSECURE_HTTP", "0", ("0", "1")) == "1"
        if problem := issuer_problem(issuer, insecure_http):
            self.problems.append(f"ISSUER: {problem}")
        return issuer

    def explain(self, issuer: str) -> bool:
        explain = self.choice("EXPLAIN", "0", ("0", "1")) == "1"
        if explain and not is_loopback_http(issuer):
            self.problems.append(
                "EXPLAIN: tells what refusals hide; set it to 0, or ISSUER to a loopback http URL"
            )
        return explain

    def database_url(self) -> str:
        url = self.text("DATABASE_URL")
        if re.fullmatch("sqlite:///[^?]+", url) and not url.endswith(":memory:"):
            return url
        self.problems.append(
            "DATABASE_URL: names no SQLite file; set it to sqlite:////path/to/auth-server.db"
        )
        return ""
