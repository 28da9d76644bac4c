"""Open what the service needs and report every problem at once; then apply the tenant file."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from cryptography import x509
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from auth_server.clients.public_keys import KeyFileError, read_client_keys
from auth_server.clients.registered_certificates import read_certificates
from auth_server.clients.secret_digests import DigestFileError, read_digest
from auth_server.database.engine import create_database_engine, database_problem, writing
from auth_server.database.migrations import migrate
from auth_server.dpop_nonces import NonceKeyError, Nonces
from auth_server.keys.algorithm_use import signing_algs
from auth_server.keys.encryption import KeyEncryption, KeyEncryptionError
from auth_server.keys.signing_keys import SigningKeys
from auth_server.keys.store import KeyStore
from auth_server.protocol.shared_failures import PasswordFile
from auth_server.settings import Settings
from auth_server.settings_reader import SettingsError
from auth_server.tenant.apply import Change, apply_tenant, differences
from auth_server.tenant.reading import Tenant, read_tenant


@dataclass(frozen=True, slots=True)
class Service:
    """What a process works with. The tenant file may be wrong, which stops only what applies it."""

    settings: Settings
    engine: Engine
    keys: SigningKeys
    declared: Tenant
    tenant_problems: list[str]
    nonces: Nonces | None = None  # those that DPoP proofs must have, if they must

    @property
    def tenant(self) -> Tenant:
        """Return what the tenant file declares; raise SettingsError with everything that is wrong with it."""
        if self.tenant_problems:
            raise SettingsError(self.tenant_problems)
        return self.declared


def open_service(environ: Mapping[str, str]) -> Service:
    """Open everything; raise SettingsError with all problems, unless they are the tenant's alone."""
    setting_problems: list[str] = []
    settings = Settings.from_environ(environ, setting_problems)
    declared = read_tenant(*settings.tenant_files, variables=environ)
    tenant_problems = [f"TENANT_FILE: {problem}" for problem in declared.problems]
    tenant_problems += _credential_problems(settings, declared)
    tenant_problems += _federation_problems(settings, declared)
    tenant_problems += _dpop_problems(settings, declared)
    tenant_problems += _certificate_problems(settings, declared)
    problems = [*_ca_problems(settings), *_failures_problems(settings)]
    url = settings.database_url or "sqlite://"  # the latter is never opened
    engine = create_database_engine(url, settings.database_password_file)
    encryption = KeyEncryption(settings.key_encryption_key_file)
    with _collecting(problems, engine):
        encryption.read()
    nonces = None
    if settings.dpop_nonce_key_file:
        nonces = Nonces(settings.dpop_nonce_key_file)
        with _collecting(problems, engine):
            nonces.check()
    key_times = (settings.key_rotation, settings.key_announcement, settings.token_lifetime)
    keys = SigningKeys(KeyStore(engine, encryption, *key_times), settings.cache_ttl)
    if settings.database_url:
        with _collecting(problems, engine):
            migrate(engine)
            if not problems:  # otherwise the keys cannot be decrypted
                keys.check()
    engine.dispose()  # gunicorn forks after this, and a connection must not cross the fork
    if setting_problems or problems:
        raise SettingsError([*setting_problems, *tenant_problems, *problems])
    return Service(settings, engine, keys, declared, tenant_problems, nonces)


def apply(service: Service) -> list[Change]:
    """Make the missing signing keys and apply the tenant, all or nothing; raise SettingsError."""
    tenant = service.tenant
    store = service.keys.store
    problems: list[str] = []
    with _collecting(problems, service.engine):
        with writing(service.engine) as connection:
            before = signing_algs(connection, store.now())
            changes = apply_tenant(connection, tenant)
            store.complete(connection, before)
            store.cover_lifetimes(connection)
        service.keys.check()  # another instance may have just made the keys with another key-encryption key
    if problems:
        raise SettingsError(problems)
    return changes


def without_tenant(service: Service) -> Service:
    """Return what serves requests: they read the database, and the rows of a large file take much memory."""
    federated = service.declared.federated_subjects
    return replace(service, declared=Tenant(federated_subjects=federated))


def unapplied(service: Service) -> list[Change]:
    """Return what applying the tenant would change; raise SettingsError if the tenant file is wrong."""
    with writing(service.engine) as connection:  # so that all tables are read in one state
        return differences(connection, service.tenant)


@contextmanager
def _collecting(problems: list[str], engine: Engine) -> Iterator[None]:
    """Add to `problems` what fails within the block."""
    try:
        yield
    except KeyEncryptionError as error:
        problems.append(f"KEY_ENCRYPTION_KEY_FILE: {error}")
    except NonceKeyError as error:
        problems.append(f"DPOP_NONCE_KEY_FILE: {error}")
    except SQLAlchemyError as error:
        problems.append(database_problem(engine, error))


def _credential_problems(settings: Settings, tenant: Tenant) -> Iterator[str]:
    """Yield what is wrong with the files that the tenant file names."""
    digests = {
        name: client["client_id"] for client in tenant.clients for name in client["secret_digest_files"]
    }
    key_sets = {client["jwks_file"]: client["client_id"] for client in tenant.clients if client["jwks_file"]}
    for name, client_id in digests.items():
        file = settings.secrets_dir / name
        try:
            read_digest(file)
        except DigestFileError as error:
            yield f"SECRETS_DIR: {file} {error}; put the digest of a secret of {client_id} there"
    for name, client_id in key_sets.items():
        file = settings.secrets_dir / name
        try:
            read_client_keys(file)
        except KeyFileError as error:
            yield f"SECRETS_DIR: {file} {error}; put the public keys of {client_id} there, as a JWK Set"


def _federation_problems(settings: Settings, tenant: Tenant) -> Iterator[str]:
    """Yield what is wrong with where the keys of other issuers are, each place once."""
    places = {name: {row[name]: row["issuer"] for row in tenant.federated_subjects} for name in _KEY_PLACES}
    for name, check in _KEY_PLACES.items():
        for value, issuer in places[name].items():
            try:
                if value:
                    check(settings, value)
            except (KeyFileError, OSError, ValueError) as error:
                yield f"TENANT_FILE: the {name} {value} of {issuer} cannot be used ({error}); correct it"


def _check_transport(settings: Settings, jwks_uri: str) -> None:
    if jwks_uri.startswith("http:") and not settings.issuer.startswith("http:"):
        raise ValueError("plain http, and ISSUER is https")


def _check_bearer(settings: Settings, name: str) -> None:
    (settings.secrets_dir / name).read_text("ascii")


_OF_MUTUAL_TLS = (
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "tls_client_certificate_bound_access_tokens",
)
_KEY_PLACES: Mapping[str, Callable[[Settings, str], object]] = {
    "jwks_uri": _check_transport,
    "jwks_file": lambda settings, name: read_client_keys(settings.secrets_dir / name),
    "ca_file": lambda settings, name: ssl.create_default_context(cafile=settings.secrets_dir / name),
    "bearer_file": _check_bearer,
}


def _dpop_problems(settings: Settings, tenant: Tenant) -> Iterator[str]:
    """Yield each client that only DPoP-bound tokens may be issued to, while none can be."""
    for client in tenant.clients:
        if client["dpop_bound_access_tokens"] and not settings.dpop:
            yield f"DPOP: {client['client_id']} has dpop_bound_access_tokens; set DPOP to 1"


def _ca_problems(settings: Settings) -> Iterator[str]:
    file = settings.mtls_ca_file
    try:
        if file:
            x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError):
        yield f"MTLS_CA_FILE: {file} cannot be read as certificates in PEM; write those of CAs there"


def _failures_problems(settings: Settings) -> Iterator[str]:
    file = settings.failures_password_file
    try:
        if file:
            PasswordFile(file).read()
    except OSError as error:
        yield f"FAILED_LOGINS_PASSWORD_FILE: {file} cannot be read ({error.strerror}); make it readable"
    except ValueError:
        yield f"FAILED_LOGINS_PASSWORD_FILE: {file} holds no password; write it there"


def _certificate_problems(settings: Settings, tenant: Tenant) -> Iterator[str]:
    """Yield each client that needs a setting of mutual TLS, or another file, to authenticate or be served."""
    for client in tenant.clients:
        client_id = client["client_id"]
        for member in _OF_MUTUAL_TLS:
            if client[member] and not settings.mtls:
                yield f"MTLS: {client_id} has {member}; set MTLS to 1"
        if client["tls_client_auth"] and not settings.mtls_ca_file:
            yield f"MTLS_CA_FILE: {client_id} has tls_client_auth; set it to the CA of its certificate"
        if client["self_signed_tls_client_auth"]:
            file = settings.secrets_dir / client["self_signed_tls_client_auth"]
            try:
                read_certificates(file)
            except KeyFileError as error:
                yield f"SECRETS_DIR: {file} {error}; put the certificate of {client_id} there"
