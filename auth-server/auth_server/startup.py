"""Open what the service needs, naming every problem at once; then make the database fit the tenant file."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.fernet import Fernet
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from auth_server.client_keys import KeyFileError, read_client_keys
from auth_server.database import create_database_engine, create_tables
from auth_server.secret_digests import DigestFileError, read_digest
from auth_server.settings import Settings, SettingsError
from auth_server.signing_keys import KeyEncryptionError, SigningKeys, read_key_encryption_key
from auth_server.tenant import Tenant, TenantError, read_tenant
from auth_server.tenant_apply import Change, apply_tenant


@dataclass(frozen=True, slots=True)
class Service:
    """What a process works with, once nothing is wrong."""

    settings: Settings
    tenant: Tenant
    engine: Engine
    keys: SigningKeys


def open_service(environ: Mapping[str, str]) -> Service:
    """Open everything; raise SettingsError with all problems, of the settings and of what they name."""
    problems: list[str] = []
    settings = Settings.from_environ(environ, problems)
    tenant = _tenant(settings, problems)
    key_encryption_key = _key_encryption_key(settings, problems)
    engine = _engine(settings, problems)
    keys = engine and key_encryption_key and _keys(settings, engine, key_encryption_key, problems)
    if engine:
        engine.dispose()  # gunicorn forks after this, and a connection must not cross that
    if problems or not (tenant and engine and keys):
        raise SettingsError(problems)
    return Service(settings, tenant, engine, keys)


def apply(service: Service) -> list[Change]:
    """Make the missing signing keys, then the tenant's changes, so that no API is ever without its key."""
    try:
        service.keys.create_missing(api["signing_alg"] for api in service.tenant.apis)
        return apply_tenant(service.engine, service.tenant)
    except SQLAlchemyError as error:
        raise SettingsError([_database_problem(error)]) from None
    except KeyEncryptionError as error:
        # Another instance has made the keys just now, under another key.
        raise SettingsError([f"KEY_ENCRYPTION_KEY_FILE: {error}"]) from None


def _database_problem(error: SQLAlchemyError) -> str:
    reason = getattr(error, "orig", None) or type(error).__name__
    return f"DATABASE_URL: cannot be used ({reason}); make it a file of this service that can be written"


def _tenant(settings: Settings, problems: list[str]) -> Tenant | None:
    try:
        tenant = read_tenant(settings.tenant_file)
    except TenantError as error:
        problems += [f"TENANT_FILE: {problem}" for problem in error.problems]
        return None
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
    return tenant


def _key_encryption_key(settings: Settings, problems: list[str]) -> Fernet | None:
    try:
        return read_key_encryption_key(settings.key_encryption_key_file)
    except KeyEncryptionError as error:
        problems.append(f"KEY_ENCRYPTION_KEY_FILE: {error}")
        return None


def _engine(settings: Settings, problems: list[str]) -> Engine | None:
    if not settings.database_url:
        return None
    try:
        engine = create_database_engine(settings.database_url)
        create_tables(engine)
    except SQLAlchemyError as error:
        problems.append(_database_problem(error))
        return None
    return engine


def _keys(settings: Settings, engine: Engine, encryption: Fernet, problems: list[str]) -> SigningKeys:
    keys = SigningKeys(engine, encryption, settings.cache_ttl)
    try:
        keys.read()
    except KeyEncryptionError as error:
        problems.append(f"KEY_ENCRYPTION_KEY_FILE: {settings.key_encryption_key_file} {error}")
    except SQLAlchemyError as error:
        problems.append(_database_problem(error))
    return keys
