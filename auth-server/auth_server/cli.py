"""The operator's commands, `flask --app auth_server.wsgi tenant|clients|keys …`: a table, or --json.

Exit status 1 means that a command failed or, with --check, that something would change. No secret is printed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup, ScriptInfo
from sqlalchemy.exc import SQLAlchemyError

from auth_server.algorithms import SIGNING_ALGS
from auth_server.clients import listing as clients_listing
from auth_server.command_output import Row, as_json, as_table
from auth_server.database.engine import database_problem
from auth_server.keys import listing as keys_listing
from auth_server.keys.algorithm_use import AlgorithmChange
from auth_server.keys.encryption import KeyEncryptionError
from auth_server.keys.store import UnknownKeyError
from auth_server.settings_reader import SettingsError
from auth_server.startup import Service, apply, unapplied
from auth_server.tenant import listing as tenant_listing
from auth_server.tenant.apply import Change

_json = click.option("--json", "json_", is_flag=True, help="Print JSON.")


class _Commands(AppGroup):
    """Commands that say in one message why they fail."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:  # its own text is for a start
            heading = f"nothing was applied, {len(error.problems)} problem(s):"
            raise click.ClickException("\n  - ".join((heading, *error.problems))) from None
        except KeyEncryptionError as error:
            raise click.ClickException(str(error)) from None
        except SQLAlchemyError as error:
            service = ctx.ensure_object(ScriptInfo).load_app().extensions[EXTENSION]
            raise click.ClickException(database_problem(service.engine, error)) from None


EXTENSION = "auth_server"  # where the app keeps its Service for the commands

tenant = _Commands("tenant", help="The APIs, clients and grants of the tenant file.")
clients = _Commands("clients", help="The registered clients.")
keys = _Commands("keys", help="The signing keys: next, current, previous, retired.")


@tenant.command("apply")
@click.option("--check", is_flag=True, help="Only print; exit status 1 if anything would change.")
@_json
def apply_tenant(check: bool, json_: bool) -> None:
    """Make the database equal to the tenant file, and print what changes."""
    service = _service()
    changes: list[Change | AlgorithmChange] = []
    if check:
        changes += unapplied(service)
    else:
        changes += apply(service)
        changes += service.keys.store.algorithm_changes()
    if json_:
        click.echo(as_json(change.listed() for change in changes))
    else:
        click.echo("\n".join(map(str, changes)) or "nothing to change")
    if check and changes:
        raise SystemExit(1)


@tenant.command("list")
@_json
def list_tenant(json_: bool) -> None:
    """Print what each client may request at each API."""
    service = _service()
    listed = tenant_listing.list_grants(
        service.engine, service.settings.token_lifetime, service.keys.store.now()
    )
    _print(listed, tenant_listing.COLUMNS, json_)


@clients.command("list")
@_json
def list_clients(json_: bool) -> None:
    """Print each client's credentials and when each secret was last used, to the minute."""
    service = _service()
    listed = clients_listing.list_credentials(service.engine, service.settings.secrets_dir)
    if not json_:
        listed = map(clients_listing.as_shown, listed)
    _print(listed, clients_listing.COLUMNS, json_)


@keys.command("list")
@_json
def list_keys(json_: bool) -> None:
    """Print every key and what it is now."""
    _print_keys(json_)


@keys.command("rotate")
@click.option("--alg", type=click.Choice(SIGNING_ALGS), help="Of this algorithm alone.")
@_json
def rotate_keys(alg: str | None, json_: bool) -> None:
    """Let the next keys sign as soon as they have been announced for long enough."""
    algs = [alg] if alg else SIGNING_ALGS
    _service().keys.store.rotate(algs)
    _print_keys(json_)


# A kid may begin with a hyphen, as base64url does.
@keys.command("revoke", context_settings={"ignore_unknown_options": True})
@click.argument("kid")
@_json
def revoke_key(kid: str, json_: bool) -> None:
    """Withdraw a key for good: APIs refuse its tokens once they have fetched the keys again."""
    try:
        _service().keys.store.revoke(kid)
    except UnknownKeyError:
        raise click.ClickException("there is no such key; run `keys list` to see them") from None
    _print_keys(json_)


@keys.command("reencrypt")
@_json
def reencrypt_keys(json_: bool) -> None:
    """Encrypt the keys with the first key of KEY_ENCRYPTION_KEY_FILE."""
    _service().keys.store.reencrypt()
    _print_keys(json_)


def _service() -> Service:
    service: Service = current_app.extensions[EXTENSION]
    return service


def _print_keys(json_: bool) -> None:
    store = _service().keys.store
    _print(
        keys_listing.list_keys(store.read(), store.signing_algs().values(), store.now()),
        keys_listing.COLUMNS,
        json_,
    )


def _print(rows: Iterable[Row], columns: Mapping[str, str], json_: bool) -> None:
    text = as_json(rows) if json_ else as_table(rows, columns)
    click.echo(text)
