"""Write the table of docs/authorization-server.md that says how long verifiers keep a leaked key."""

from interop.pages.markdown import table
from interop.rows import Measured, Row

BY_ITSELF = "the next restart"
ORDER = ("at once", "s", "minute", "hour", "day", BY_ITSELF)
OURS = ("5 minutes", "yes", "the Timesheets API (`JWKS_TTL`)")
FIXED = (BY_ITSELF, "no", "a fixed key, such as a PEM file")


def leaked_key(rows: list[Row], measured: Measured) -> str:
    """Return the table."""
    found = [OURS, FIXED]
    for row in rows:
        columns = measured.get(row.name, {})
        if "withdrawn" in columns:
            found.append((columns["withdrawn"], _helps(columns["second_revocation"]), row.name))
    groups = sorted({(time, helps) for time, helps, _ in found}, key=_order)
    lines = [
        [time, ", ".join(name for *group, name in found if group == [time, helps]), helps]
        for time, helps in groups
    ]
    return table(["after at most", "APIs with, by default", "the second command helps"], lines)


def _helps(second_revocation: str) -> str:
    return "yes" if second_revocation.endswith("drops the old one") else "no"


def _order(group: tuple[str, str]) -> tuple[int, int, str, str]:
    time, helps = group
    unit = max(number for number, word in enumerate(ORDER) if word in time.partition(";")[0])
    digits = "".join(one for one in time if one.isdigit())
    return unit, int(digits or 0), time, helps
