"""Write docs/other-clients.md."""

from interop.pages.markdown import anchor, bullets, paragraph, recipe, table
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
STEP_UP = "After a 403 `insufficient_scope` it gets a token with the missing scope too, and repeats the call."

INTRODUCTION = """\
# Any OAuth client gets a token

A client needs three things: the token endpoint (from the [metadata](endpoints.md), or `http://localhost:9000/oauth/token`), its
client id with its credential, and a way to name the API, which is `audience` as at Auth0, or `resource` (RFC 8707). A client with
a grant for one API only need not name it. To register a client, see [give a colleague's service access](give-access.md).

## What each client does

This table is measured. First a server that writes down every request played the token endpoint and the API. Then each client
got a token from this stack, called the API, and was refused once. `make interop SIDE=clients` does it again, with `ROW=FastMCP`
for one client alone, and CI does it for some of them ([`test_clients.py`](../tests-e2e/interop/test_clients.py)).

"""

LEGEND = """
- **Credential**: *header* is HTTP Basic. RFC 6749 2.3.1 has id and secret form-encoded there, and this server decodes them. If a
  client puts them there *raw*, only secrets of letters, digits, `-`, `_` and `.` arrive as they are; `make client` makes no
  others. *Body* means parameters. A *key* signs an assertion (`private_key_jwt`) for the audience that the table names. If that
  is the token endpoint, declare `token_endpoint_audience: true` for the client in the tenant file.
- **Names the API by**: the parameter. A client with one grant needs none.
- **Token calls of 16 at once**: by sixteen calls that start together without a token, and at a renewal if that differs.
- **Renews**: how long before its expiry a token is replaced. A client that *keeps no token* asks for one at each call; keep the
  token yourself.
- **After 401**: what the client does when the API says that the token is invalid, as after the [revocation of a signing
  key](authorization-server.md#signing-keys). A client that *keeps the token* fails until the token expires, or until you restart
  it.
- **429**: the answer has `Retry-After: 3`. *Error* and *passes it on* leave the repetition to the caller.
- **Redirect**: of the API, to another host and port.

A dash stands where the client leaves that to your own code, or has no such calls.
"""

RECIPES = """
## Settings, surprises, recipes

Each recipe takes its settings from environment variables, and its secret or key from a file. `new_client` or `newClient` makes a
client, and `call` makes one call with it. For a command, the recipe is its configuration.
"""


def page(rows: list[Row], measured: Measured) -> str:
    """Return the page."""
    ran = [row for row in rows if not row.not_run]
    cells = [[_link(row), *(measured[row.name].get(name, "—") for name in COLUMNS)] for row in ran]
    head = ["client", *COLUMNS.values()]
    sections = "".join(_section(row, measured) for row in rows)
    return INTRODUCTION + table(head, cells) + LEGEND + RECIPES + sections


def _link(row: Row) -> str:
    return f"[{row.name}](#{anchor(row.name)})"


def _section(row: Row, measured: Measured) -> str:
    packages = " and ".join(f"`{package}`" for package in row.packages)
    if row.not_run:
        return f"\n### {row.name}\n\n" + paragraph(f"Read, not run: {row.not_run} {row.settings}")
    seen = measured[row.name]
    text = f"\n### {row.name}\n\n"
    when = f"{seen['date']}, and by CI," if row.ci else seen["date"]
    text += paragraph(f"Run on {when} with {packages} from {row.registry}. {row.settings}")
    surprises = [STEP_UP, *row.surprises] if seen.get("step_up") == "200" else row.surprises
    if surprises:
        text += f"\n{bullets(surprises)}"
    return f"{text}\n{recipe(row)}"
