"""Write docs/other-apis.md."""

from typing import Any

from interop.pages.markdown import anchor, bullets, paragraph, recipe, table, whole_program
from interop.rows import Measured, Row

INTRODUCTION = """\
# Other APIs verify our tokens

An API of yours need not be written as the [Timesheets API](timesheets-api.md) is, whose folder
[`resource_server/`](timesheets-api.md#copy-this-folder) you can copy. The libraries on this page verify the
tokens too, each with a recipe of at most 15 lines. A recipe gets right what a client depends on: it checks
issuer, audience, expiry, the one algorithm of the API and the `typ` of an access token; it allows for
clocks that differ by a minute; it compares scopes as whole words; it answers 401 with a challenge when
another token would help, and 403 when it would not.

The names in capitals are settings of your API: `ISSUER`, `JWKS_URI` (`jwks_uri` in the issuer's
[metadata](endpoints.md)), `AUDIENCE` (its identifier in the [tenant
file](authorization-server.md#the-tenant)), `SCOPE`, and `ALGORITHM`, the `signing_alg` of the API, RS256
unless the tenant file says otherwise. While an API changes its algorithm, let it accept both. In the
recipes of libraries without a web framework, `authorize` takes the Authorization header and the scope of
the route, and returns the status and the challenge. What they call `http` or `testing` is for plain http on
one machine; leave it out. The imports are in the whole program, to which the line behind each recipe leads.

Nothing in the tables comes from documentation. Each program got tokens of the stack, and tokens that are
wrong in one thing, and its clock was moved to see how long it keeps a key. With tokens of the stack, every
recipe answers 200, 403 for another scope, and 401 for a changed signature. `make interop SIDE=apis` runs
them all again, one of them with `ROW=PyJWT`. "By default" means: with the fewest settings that take a token
of ours.

## What they check

The algorithms are those of the recipe. The last column has the wrong tokens that are taken by default.

"""

ANSWERS = """
## What they answer by default

A client gets a new token when it sees 401, and needs the challenge to know that it should. The Timesheets
API answers 401 with a challenge to all of these, and 503 while it has no key set.

"""

KEYS = """
## How they learn of new and withdrawn keys

The authorization server announces a key long before it signs, so that an API need not know it at once. A
withdrawn key is what you need [when a signing key leaks](authorization-server.md#when-a-signing-key-leaks);
the page there says what to do.

"""

LAST_COLUMN = """
The last column: in a process whose last fetch was two and a half minutes ago, both the current and the next
key are withdrawn, and a token comes that is signed with a new key.

## The recipes
"""


def page(rows: list[Row], measured: Measured) -> str:
    """Return the page."""
    ran = [(row, measured[row.name]) for row in rows if not row.not_run]
    checks = table(
        ["API with", "algorithms", "`typ`", "leeway of `exp`, `iat`", "with the recipe", "takes by default"],
        [_checks(row, found) for row, found in ran],
    )
    answers = table(
        ["API with", "wrong status", "401 without a challenge", "while the key set cannot be fetched"],
        [_answers(row, found) for row, found in ran],
    )
    keys = table(
        [
            "API with",
            "fetches for an unknown `kid`",
            "a withdrawn key counts for",
            "with the recipe",
            "a set is unreadable with",
            "after two revocations",
        ],
        [_keys(row, found) for row, found in ran],
    )
    sections = "".join(_section(row, measured) for row in rows)
    return INTRODUCTION + checks + ANSWERS + answers + KEYS + keys + LAST_COLUMN + sections


def _checks(row: Row, found: dict[str, Any]) -> list[str]:
    taken = found["defaults_takes"]
    others = [case for case in taken if "typ" not in case]
    leeways = [
        f"{found[f'{checks}_exp_leeway']}, {found[f'{checks}_iat_leeway']}"
        for checks in ("defaults", "recipe")
    ]
    return [_link(row), ", ".join(found["algorithms"]), _typ(taken), *leeways, _listed(others)]


def _typ(taken: list[str]) -> str:
    if "typ JWT" in taken:
        return "any"
    return "`at+jwt` or none" if "no typ" in taken else "`at+jwt`"


def _answers(row: Row, found: dict[str, Any]) -> list[str]:
    without = found["defaults_no_challenge"]
    challenge = "all" if len(without) > 9 else _listed(without)
    return [_link(row), _listed(found["defaults_answers"]), challenge, str(found["defaults_down"])]


def _keys(row: Row, found: dict[str, Any]) -> list[str]:
    if "withdrawn" not in found:
        return [_link(row), "—", "as you write it", "5 minutes", _listed(found["stopped_by"]), "—"]
    columns = (found["unknown_kid"], found["withdrawn"], found["withdrawn_recipe"])
    return [_link(row), *columns, _listed(found["stopped_by"]), found["second_revocation"]]


def _listed(words: list[str]) -> str:
    return ", ".join(words) or "—"


def _link(row: Row) -> str:
    return f"[{row.name}](#{anchor(row.name)})"


def _section(row: Row, measured: Measured) -> str:
    packages = ", ".join(f"`{package}`" for package in row.packages)
    if row.not_run:
        return f"\n### {row.name}\n\n" + paragraph(f"Read, not run: {row.not_run} {row.settings}")
    seen = measured[row.name]["date"]
    when = f"{seen}, and by CI," if row.ci else seen
    text = paragraph(f"Run on {when} with {packages} from {row.registry}. {row.settings}")
    return f"\n### {row.name}\n\n{text}\n{bullets(row.surprises)}\n{recipe(row)}\n{whole_program(row)}\n"
