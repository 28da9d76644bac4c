"""Write docs/other-servers.md."""

from interop.pages.markdown import bullets, paragraph, recipe, table, whole_program
from interop.rows import Measured, Row

COLUMNS = {
    "metadata": "metadata as",
    "token": "access token",
    "lacks": "lacks of RFC 9068",
    "import": "the sample import",
}
INTRODUCTION = """\
# Other authorization servers

The job and the API work with another authorization server without a change to the code. Write its settings
into a file, by the names that [the README](../README.md#settings) gives them, and your client's secret into
the folder of the job's secrets:

```sh
umask 077
mkdir -p .secrets/calling-service
printf %s "$SECRET" > .secrets/calling-service/another-server
cat > another-server.env <<'END'
ISSUER=https://login.example
CLIENT_ID=timesheets-import-job
CLIENT_SECRET_FILE=/run/secrets/another-server
SCOPE=batch:upload
END
ANOTHER_SERVER=another-server.env make up
```

This starts the API and the job, with Docker or as local processes, and not the authorization server of the
sample (stop that first, with `make down`). Register the API there by its identifier, which is
`http://localhost:9001` unless you set `AUDIENCE`. The overlay
[`deploy/another-server`](../deploy/another-server/compose.yml) says which service gets which setting. A
shell reads the file, so a value with blanks needs quotes. Variables of your shell do not count, and
`EXPLAIN` is off, because it is for a loopback issuer. If the server listens on this machine alone, use
`RUNTIME=local`: in a container, `localhost` is the container.

Both services take the endpoints from the issuer's metadata, as RFC 8414 or OpenID Connect publishes it, or
from `TOKEN_URL`, `JWKS_URI` and `INTROSPECTION_URL` in the file. `AUDIENCE_PARAMETER` is the parameter by
which the server wants the API named: `audience` (as at Auth0) or `resource` (RFC 8707). `CLIENT_KEY_FILE`
in place of the secret's file is for `private_key_jwt`. `API_CLIENT_ID` and `API_CLIENT_SECRET_FILE` are the
API's own, for introspection; without them `/approvals` answers 503. If the server's tokens depart from RFC
9068, set `TOKEN_PROFILE` and [what goes with it](timesheets-api.md#tokens-that-depart-from-rfc-9068). That
section says what each profile relaxes.

If a server's tokens are opaque, which only it can read, set `TOKEN_PROFILE=opaque`: the API then
[asks the server about each token](timesheets-api.md#opaque-tokens) (RFC 7662).

## What was run

These servers were run with the job and the API: with the settings below, the job imported the sample
export, and then sent it again with a new token. `make interop SIDE=servers` runs them again; those from
Debian run in a container. The code below is the part of a program that matters for the flow. The link behind
it leads to the whole program, which shows what the other names in it stand for.

"""
READ = """
## What was read

These could not be run here. What follows was read in the documentation that each names, and the API's tests
make tokens of the shapes that it shows: the access token is taken, and the ID token is refused. The job names
the API by `audience` in each token request. Only Auth0 defines that parameter; the others have to ignore it
(RFC 6749 3.2).
"""


def page(rows: list[Row], measured: Measured) -> str:
    """Return the page."""
    ran = [row for row in rows if not row.not_run]
    read = [row for row in rows if row.not_run]
    cells = [[row.name, *(measured[row.name][name] for name in COLUMNS)] for row in ran]
    parts = [INTRODUCTION, table(["server", *COLUMNS.values()], cells)]
    parts += [_section(row, f"{_packages(row)}. Run on {measured[row.name]['date']}.") for row in ran]
    parts += [READ, *(_section(row, f"Read, not run: {row.not_run}") for row in read)]
    return "".join(parts)


def _section(row: Row, how: str) -> str:
    block = row.extra["block"].replace("{origin}", "https://login.example")
    parts = [f"\n### {row.name}\n\n", paragraph(f"{how} {row.settings}"), "\n"]
    if row.program:
        parts.append(f"{recipe(row)}\n{whole_program(row)} The file of settings:\n\n")
    parts.append(f"```sh\n{block}```\n\n{bullets(row.surprises)}")
    if row.not_run:
        parts.append(f"\nSources:\n\n{bullets(f'{source}.' for source in row.extra['sources'])}")
    return "".join(parts)


def _packages(row: Row) -> str:
    return f"{', '.join(f'`{package}`' for package in row.packages)} ({row.registry})"
