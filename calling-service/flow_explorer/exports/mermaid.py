"""A run as a Mermaid sequence diagram: an arrow per message, dashed for a server's own call, or a note."""

from collections.abc import Iterator
from typing import Any

from flow_explorer.diagram import Item, draw


def diagram(run: dict[str, Any]) -> Iterator[str]:
    """Yield the diagram's lines."""
    drawn = draw(run)
    who = {name: f"p{number}" for number, name in enumerate(drawn.participants, start=1)}
    yield "sequenceDiagram"
    yield from (f"    participant {alias} as {_text(name)}" for name, alias in who.items())
    for item in drawn.items:
        yield f"    {_line(item, who[item.sender], who[item.receiver])}"


def _line(item: Item, sender: str, receiver: str) -> str:
    number = "" if item.number is None else f"{item.number}  "
    times = f" ({item.times} times)" if item.kind == "request" and item.times > 1 else ""
    text = f"{number}{_text(item.text)}{times}"
    if item.kind == "cached":
        return f"Note over {sender},{receiver}: {text}"
    if sender == receiver:
        return f"Note over {sender}: {text}"
    head = "-x" if item.outcome == "unanswered" else "-->>" if item.kind == "call" else "->>"
    return f"{sender}{head}{receiver}: {text}"


def _text(text: str) -> str:
    """Return the text without what would end a line, escape, or be acted on by a terminal."""
    return "".join(f"#{ord(char)};" if char in "#;" or not char.isprintable() else char for char in text)
