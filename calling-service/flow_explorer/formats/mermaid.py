"""A run as a Mermaid sequence diagram: arrows for messages, dashed for a server's own calls, and notes."""

from collections.abc import Iterator

from flow_explorer.diagram import Item, draw
from flow_explorer.recorded_run import RecordedRun


def diagram(recorded: RecordedRun) -> Iterator[str]:
    """Yield the diagram's lines."""
    drawn = draw(recorded)
    aliases = {name: f"p{number}" for number, name in enumerate(drawn.participants, start=1)}
    yield "sequenceDiagram"
    for name, alias in aliases.items():
        yield f"    participant {alias} as {_escaped(name)}"
    for item in drawn.items:
        place = _place(item, aliases[item.sender], aliases[item.receiver])
        yield f"    {place}: {_text(item)}"


def _place(item: Item, sender: str, receiver: str) -> str:
    if item.kind == "cached":
        return f"Note over {sender},{receiver}"
    if sender == receiver:
        return f"Note over {sender}"
    if item.result == "unanswered":
        return f"{sender}-x{receiver}"
    if item.kind == "call":
        return f"{sender}-->>{receiver}"
    return f"{sender}->>{receiver}"


def _text(item: Item) -> str:
    text = _escaped(item.text)
    if item.step:
        text = f"{item.step.number}  {text}"
    if item.kind == "request" and item.times > 1:
        return f"{text} ({item.times} times)"
    return text


def _escaped(text: str) -> str:
    """Return the text without what would end a line or escape in Mermaid, or control a terminal."""
    return "".join(map(_escaped_character, text))


def _escaped_character(char: str) -> str:
    if char in "#;" or not char.isprintable():
        return f"#{ord(char)};"
    return char
