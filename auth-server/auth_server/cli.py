"""The operator's commands: `flask --app auth_server.wsgi tenant apply [--check]`."""

import click
from flask.cli import AppGroup

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
