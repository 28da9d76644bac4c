"""Write docs/other-clients.md."""

from interop.pages.markdown import bullets, recipe, table
from interop.rows import Measured, Row

COLUMNS = {
    "credential": "credential",
    "names_api": "names the API by",
    "token_calls_of_16": "token calls of 16 at once",
    "renews": "renews",
    "after_401": "after 401 `invalid_token`",
    "token_429": "429 from the token endpoint",
    "api_429": "429 from the API",
    "redirect": "redirect to another origin",
}

INTRODUCTION = """\
# Any OAuth client gets a token

A client needs three things: the token endpoint (from the [metadata](endpoints.md), or
`http://localhost:9000/oauth/token`), its client id with its credential, and a way to name the API, which is
`audience` as at Auth0, or `resource` (RFC 8707). A client with a grant for one API only need not name it. To
register a client, see [give a colleague's service access](give-access.md).

The columns of this table come from a server that writes down every request, and from the stack itself.
`make interop` runs all clients again, one of them with `ROW='requests-oauthlib'`.

"""

PROMETHEUS = """
Authlib and requests-oauth2client can sign with a key whose assertion names the token endpoint, instead of the
issuer, as its audience. For such a client, declare `token_endpoint_audience: true` in the tenant file.

## Prometheus

Prometheus can scrape a page that asks for a token. (The Timesheets API has no such page; put your own address
under `targets`.) It gets the token by itself and renews it:

```yaml
scrape_configs:
  - job_name: timesheets
    static_configs:
      - targets: [localhost:9001]
    oauth2:
      client_id: payroll-report
      client_secret_file: .secrets/calling-service/payroll-report
      token_url: http://localhost:9000/oauth/token
      scopes: [read:timesheets]
      endpoint_params: {audience: http://localhost:9001}
```
"""


def page(rows: list[Row], measured: Measured) -> str:
    """Return the page."""
    ran = [row for row in rows if not row.not_run]
    cells = [[_link(row), *(measured[row.name].get(name, "—") for name in COLUMNS)] for row in ran]
    head = ["client", *COLUMNS.values()]
    return INTRODUCTION + table(head, cells) + PROMETHEUS + "".join(_section(row, measured) for row in rows)


def _link(row: Row) -> str:
    return f"[{row.name}](#{_anchor(row.name)})"


def _anchor(name: str) -> str:
    return "".join(one for one in name.lower().replace(" ", "-") if one.isalnum() or one in "-_")


def _section(row: Row, measured: Measured) -> str:
    packages = ", ".join(f"`{package}`" for package in row.packages)
    when = f"Read, not run: {row.not_run}" if row.not_run else f"Run on {measured[row.name]['date']}."
    text = f"\n## {row.name}\n\n{packages} ({row.registry}). {when} {row.settings}\n"
    if row.surprises:
        text += f"\n{bullets(row.surprises)}"
    if row.program:
        text += f"\n{recipe(row)}"
    return text
