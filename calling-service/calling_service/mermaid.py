"""A run as a Mermaid sequence diagram, from its JSON alone: an arrow per message, or a note."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

Document = dict[str, Any]


def diagram(run: Document) -> Iterator[str]:
    """Yield the diagram's lines; exchanges that show the same steps one after another share their arrows."""
    exchanges = run["exchanges"]
    names = list(dict.fromkeys(name for exchange in exchanges for name in (exchange["from"], exchange["to"])))
    who = {name: f"p{number}" for number, name in enumerate(names, start=1)}
    yield "sequenceDiagram"
    yield from (f"    participant {alias} as {_text(name)}" for name, alias in who.items())
    for steps, group in groupby(exchanges, key=lambda exchange: exchange["steps"]):
        first, *others = group
        times = f" ({len(others) + 1} times)" if others else ""
        sender, receiver = who[first["from"]], who[first["to"]]
        for step in steps:
            number = f"{step['number']}  "
            if not step["shows"]:
                yield f"    Note over {receiver}: {number}{_text(step['label'])}"
            if "request" in step["shows"]:
                yield f"    {sender}->>{receiver}: {number}{_text(_sent(first))}{times}"
                number = ""
            if "response" in step["shows"]:
                yield f"    {receiver}-->>{sender}: {number}{_text(_answered(first))}"


def _sent(exchange: Document) -> str:
    return str(exchange["request"]["start_line"]).removesuffix(" HTTP/1.1")


def _answered(exchange: Document) -> str:
    response = exchange["response"]
    if response is None:
        return f"no answer: {exchange['failure']}"
    answer = str(response["start_line"]).removeprefix("HTTP/1.1 ")
    if response["token"]:
        claims = response["token"]["payload"]
        return f"{answer}, a token for {claims.get('aud')} with {claims.get('scope')}"
    return answer


def _text(text: str) -> str:
    return re.sub("[#;\n]", lambda match: f"#{ord(match[0])};", text)  # characters that end or escape a line
