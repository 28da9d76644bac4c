"""Write docs/infrastructure.md."""

from collections.abc import Mapping, Sequence
from typing import Any

from interop.pages.markdown import bullets, paragraph, recipe, table
from interop.rows import FOLDER, Measured, Row

INTRODUCTION = """\
# Proxies, brokers and servers that check our tokens

An API need not check tokens in its own code. These programs do it before a request reaches the API,
each with the shortest configuration that does. The table comes from runs: each program got the same tokens,
odd in one thing, and then the authorization server withdrew its keys. `make interop SIDE=infrastructure`
runs all of them again; those of Debian run in a container. They stand before the Timesheets API of the
sample, at `127.0.0.1:9001`, and listen on port 8080.

What a program **does not check** you must check elsewhere, or accept. Of the tokens of our authorization
server, each has an `exp` and the `typ` `at+jwt`, and none has an `nbf`. A program that accepts a bound token
without its proof removes the protection of [DPoP](dpop.md): let the API itself check such tokens.

"""

CLOCKS = """
Where the leeway is none, a clock that is ahead refuses tokens before they expire: run NTP. A new key that is known at
once is one that a program fetched because a token named it; the next key is announced before it signs
(`KEY_ANNOUNCEMENT`), so a program that fetches more often never meets an unknown one. The column on a
withdrawn key says when a token that it signed is refused after [`keys
revoke`](authorization-server.md#when-a-signing-key-leaks) for it and for the next key.

Programs that get tokens instead of checking them are among the other clients: [Prometheus](other-clients.md#prometheus)
and Kafka's [librdkafka](other-clients.md#librdkafka-confluent-kafka), [kafka-python](other-clients.md#kafka-python) and
[aiokafka](other-clients.md#aiokafka).

## The gate

The [folder to copy](timesheets-api.md#copy-this-folder) makes a program that answers a proxy's question,
whether a request may pass, with all its checks. It is this file beside the folder, and `gunicorn gate:app
--threads 4 --bind 127.0.0.1:9400`:

{gate}
## Export the keys

HAProxy and Dovecot read keys from files. This program, run by cron, writes them; it needs `PyJWT[crypto]`:

{export}"""

COLUMNS = (
    "algorithms",
    "does not check, and so accepts",
    "leeway",
    "a new key is known",
    "a withdrawn key is refused",
)


def page(rows: list[Row], measured: Measured) -> str:
    """Return the page."""
    cells = [_cells(row, measured) for row in rows if not row.not_run]
    text = INTRODUCTION + table(["program", *COLUMNS], cells)
    text += CLOCKS.format(gate=_code("infrastructure/gate.py"), export=_code("infrastructure/export_keys.py"))
    return text + "".join(_section(row, measured) for row in rows)


def _cells(row: Row, measured: Measured) -> list[str]:
    values = measured[row.name]
    return [
        f"[{row.name}](#{_anchor(row.name)})",
        ", ".join(values["algorithms"]),
        ", ".join(values["accepts"]) or "—",
        values["leeway"],
        *(_when(row, name, values[name]) for name in ("new_key", "withdrawn_key")),
    ]


def _when(row: Row, name: str, measured: str) -> str:
    """Return when; a run cannot wait for what comes later, so the data file says when that is."""
    return str(row.extra["later"][name]) if measured == "later" else measured


def _anchor(name: str) -> str:
    return "".join(one for one in name.lower().replace(" ", "-") if one.isalnum() or one in "-_")


def _section(row: Row, measured: Measured) -> str:
    values = measured[row.name]
    packages = ", ".join(f"`{version}`" for version in values["versions"])
    run = f"{packages} ({row.registry}), run on {values['date']}."
    text = f"\n## {row.name}\n\n" + paragraph(f"{run} {row.settings}")
    text += f"\n{recipe(row)}"
    if "also_shown" in row.extra:
        text += f"\n{_code(row.extra['also_shown'])}"
    return f"{text}\n{paragraph(_refusals(values))}\n{bullets(row.surprises)}"


def _refusals(values: Mapping[str, Any]) -> str:
    refused = {name.removeprefix("refuses_"): names for name, names in values.items() if "refuses_" in name}
    if "refused" in refused:
        return f"It refuses {_and(refused['refused'])}."
    answers = [f"{status} for {_and(names)}" for status, names in refused.items()]
    return f"It answers {_and(answers, ', and ')}."


def _and(words: Sequence[str], last: str = " and ") -> str:
    return last.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _code(file: str) -> str:
    language = {".py": "python", ".js": "javascript", ".config": "erlang"}[f".{file.rpartition('.')[2]}"]
    return f"```{language}\n{(FOLDER / file).read_text().strip()}\n```\n"
