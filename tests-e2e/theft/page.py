"""The rows of docs/theft.md: what happened in each theft, for how long, and what was answered."""

from collections.abc import Mapping

from theft.rungs import Rung
from theft.thief import API, TOKEN, Attempt

THEFTS = ("disk", "token request", "token response", "API request", "log of tokens", "logs of our servers")
KEPT_BACK = ("token request, kept back", "API request, kept back")
Round = list[Attempt]
# Which of the four rounds succeeded: at once, again, after the expiry, after the replacement.
ONCE = [True, False, False, False]
UNTIL_IT_EXPIRES = [True, True, False, False]
UNTIL_IT_IS_REPLACED = [True, True, True, False]


def rows(rung: Rung, rounds: Mapping[str, list[Round]]) -> list[str]:
    """Return the row of each of the two tables."""
    return [row(rung, rounds, THEFTS), row(rung, rounds, KEPT_BACK)]


def row(rung: Rung, rounds: Mapping[str, list[Round]], thefts: tuple[str, ...]) -> str:
    """Return a row with these columns."""
    cells = [cell(rounds[theft], rung.credential) for theft in thefts]
    return f"| {' | '.join([rung.title, *cells])} |"


def cell(rounds: list[Round], credential: str) -> str:
    """Return what happened, for how long, and the answers."""
    succeeded = [served(attempts) for attempts in rounds]
    if not any(succeeded):
        return f"**nothing** ({refusals(rounds[0]) or 'they have no token and no credential'})"
    refused = rounds[succeeded.index(False)][0]
    return f"{gain(rounds, succeeded, credential)} (200, then {answer(refused)})"


def gain(rounds: list[Round], succeeded: list[bool], credential: str) -> str:
    """Return what the thief gets, in words; raise ValueError for what no words were foreseen."""
    is_client = any(server == TOKEN and status == 200 for server, _, status, _ in rounds[0])
    if succeeded == UNTIL_IT_IS_REPLACED and is_client:
        return f"**is the client** until the {credential} is replaced"
    if succeeded == UNTIL_IT_EXPIRES:
        return f"**is the client** until the {credential} expires" if is_client else "**the API** until `exp`"
    if succeeded == ONCE:
        return "**one token**, and with it the API until `exp`" if is_client else "**the API** once"
    raise ValueError(f"served at these moments: {succeeded}")


def served(attempts: Round) -> bool:
    """Return whether the API served the thief."""
    return any(server == API and status == 200 for server, _, status, _ in attempts)


def refusals(attempts: Round) -> str:
    """Return the different answers, in their order."""
    return ", ".join(dict.fromkeys(answer(attempt) for attempt in attempts))


def answer(attempt: Attempt) -> str:
    """Return the status and the error of an answer."""
    _, _, status, error = attempt
    return f"{status} `{error}`" if error else str(status)


def renewed(page: str, new_rows: list[str]) -> str:
    """Return the page with these rows in the place of those of the same rung and the same table."""
    by_place = {_place(line): line for line in new_rows}
    return "".join(f"{by_place.get(_place(line), line)}\n" for line in page.splitlines())


def _place(line: str) -> tuple[str, int]:
    return line.partition(" |")[0], line.count("|")
