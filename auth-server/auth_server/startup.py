"""Open what the service needs, naming every problem at once; then make the database fit the tenant file."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from auth_server.clients.public_keys import KeyFileError, read_client_keys
from auth_server.clients.secret_digests import DigestFileError, read_digest
from auth_server.database import create_database_engine, create_tables, writing
from auth_server.keys.encryption import KeyEncryption, KeyEncryptionError
from auth_server.keys.signing_keys import SigningKeys
from auth_server.keys.store import KeyStore
from auth_server.settings import Settings, SettingsError
from auth_server.tenant.apply import Change, apply_tenant
from auth_server.tenant.file import Tenant, read_tenant


@dataclass(frozen=True, slots=True)
class Service:
    """What a process works with. The tenant file may be wrong, which hinders only what applies it."""

    settings: Settings
    engine: Engine
    keys: SigningKeys
    declared: Tenant | None
    tenant_problems: list[str]

    @property
    def tenant(self) -> Tenant:
        """Give what the tenant file declares; raise SettingsError with all that is wrong with it."""
        if self.declared is None:
            raise SettingsError(self.tenant_problems)
        return self.declared


def open_service(environ: Mapping[str, str]) -> Service:
    """Open everything; raise SettingsError with all problems, unless they are the tenant's alone."""
    setting_problems: list[str] = []
    settings = Settings.from_environ(environ, setting_problems)
    tenant_problems: list[str] = []
    declared = _tenant(settings, tenant_problems)
    problems: list[str] = []
    encryption = _encryption(settings, problems)
    engine = _engine(settings, problems)
    keys = engine and encryption and _keys(settings, engine, encryption, problems)
    if engine:
        engine.dispose()  # gunicorn forks after this, and a connection must not cross that
    if setting_problems or problems or not (engine and keys):
        raise SettingsError([*setting_problems, *tenant_problems, *problems])
    return Service(settings, engine, keys, declared, tenant_problems)


def apply(service: Service) -> list[Change]:
    """Make the missing signing keys and the tenant's changes, all or nothing; raise SettingsError."""
    tenant = service.tenant
    try:
        with writing(service.engine) as connection:
            service.keys.store.complete(connection)
            changes = apply_tenant(connection, tenant)
            service.keys.store.cover_lifetimes(connection)
        service.keys.check()
    except SQLAlchemyError as error:
        raise SettingsError([database_problem(error)]) from None
    except KeyEncryptionError as error:
        # Another instance has made the keys just now, under another key.
        raise SettingsError([f"KEY_ENCRYPTION_KEY_FILE: {error}"]) from None
    return changes


def database_problem(error: SQLAlchemyError) -> str:
    """Say why the database cannot be used, and what to do."""
    reason = getattr(error, "orig", None) or type(error).__name__
    return f"DATABASE_URL: cannot be used ({reason}); make it a file of this service that can be written"


def _tenant(settings: Settings, problems: list[str]) -> Tenant | None:
    found: list[str] = []
    tenant = read_tenant(settings.tenant_file, found)
    problems += [f"TENANT_FILE: {problem}" for problem in found]
    names = {name: client["client_id"] for client in tenant.clients for name in client["secret_digest_files"]}
    for name, client_id in names.items():
        try:
            read_digest(settings.secrets_dir / name)
        except DigestFileError as error:
            file = settings.secrets_dir / name
            problems.append(f"SECRETS_DIR: {file} {error}; put the digest of a secret of {client_id} there")
    for client in tenant.clients:
        if client["jwks_file"]:
            file = settings.secrets_dir / client["jwks_file"]
            try:
                read_client_keys(file)
            except KeyFileError as error:
                id_ = client["client_id"]
                problems.append(
                    f"SECRETS_DIR: {file} {error}; put the public keys of {id_} there, as a JWK Set"
                )
    return None if problems else tenant


def _encryption(settings: Settings, problems: list[str]) -> KeyEncryption | None:
    encryption = KeyEncryption(settings.key_encryption_key_file)
    try:
        encryption.read()
    except KeyEncryptionError as error:
        problems.append(f"KEY_ENCRYPTION_KEY_FILE: {error}")
        return None
    return encryption


def _engine(settings: Settings, problems: list[str]) -> Engine | None:
    if not settings.database_url:
        return None
    try:
        engine = create_database_engine(settings.database_url)
        create_tables(engine)
    except SQLAlchemyError as error:
        problems.append(database_problem(error))
        return None
    return engine


def _keys(settings: Settings, engine: Engine, encryption: KeyEncryption, problems: list[str]) -> SigningKeys:
    store = KeyStore(
        engine,
        encryption,
        rotation=settings.key_rotation,
        announcement=settings.key_announcement,
        token_lifetime=settings.token_lifetime,
    )
    keys = SigningKeys(store, settings.cache_ttl)
    try:
        keys.check()
    except KeyEncryptionError as error:
        problems.append(f"KEY_ENCRYPTION_KEY_FILE: {error}")
    except SQLAlchemyError as error:
        problems.append(database_problem(error))
    return keys
