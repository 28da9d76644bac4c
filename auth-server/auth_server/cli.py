"""The operator's commands: `flask --app auth_server.wsgi tenant apply [--check]`, `clients list [--json]`."""

import click
from flask.cli import AppGroup

from auth_server.client_list import as_json, as_table, list_credentials
from auth_server.settings import SettingsError
from auth_server.startup import Service, apply
from auth_server.tenant_apply import apply_tenant


def tenant_commands(service: Service) -> AppGroup:
    """Make the commands on the tenant."""
    group = AppGroup("tenant", help="The APIs, clients and grants of the tenant file.")

    @group.command("apply")
    @click.option("--check", is_flag=True, help="Only print; exit status 1 if anything would change.")
    def apply_command(check: bool) -> None:
        """Make the database equal to the tenant file, and print what changes."""
        try:
            changes = apply_tenant(service.engine, service.tenant, check=True) if check else apply(service)
        except SettingsError as error:
            raise click.ClickException(str(error)) from None
        click.echo("\n".join(map(str, changes)) or "nothing to change")
        if check and changes:
            raise SystemExit(1)

    return group


def client_commands(service: Service) -> AppGroup:
    """Make the commands on the clients."""
    group = AppGroup("clients", help="The registered clients.")

    @group.command("list")
    @click.option("--json", "json_", is_flag=True, help="Print JSON.")
    def list_command(json_: bool) -> None:
        """Print each client's credentials and when each secret was last used, to the minute."""
        credentials = list_credentials(service.engine, service.settings.secrets_dir)
        click.echo(as_json(credentials) if json_ else as_table(credentials))

    return group
