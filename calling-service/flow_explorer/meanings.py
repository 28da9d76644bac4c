"""What the parts of messages and tokens and the checks are for, and which source says so (meanings.toml)."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Meaning:
    """A sentence or two, with the name and the address of their source; our own parts have no source."""

    text: str
    source: str | None = None
    address: str | None = None


def meaning_of(section: str, name: str) -> Meaning | None:
    """Return the meaning of a name in a section of the file, None if it has none."""
    names: dict[str, Any] = _MEANINGS.get(section, {})
    if name not in names:
        return None
    text, *source = names[name]
    if len(source) == 1:
        return Meaning(text, source[0], rfc_address(source[0]))
    return Meaning(text, *source)


def rfc_address(source: str) -> str:
    """Return the address of a section of an RFC, which is given as in "RFC 6749 4.4"."""
    _, number, section = source.split(" ")
    return f"https://www.rfc-editor.org/rfc/rfc{number}#section-{section}"


_MEANINGS = tomllib.loads(files(__package__).joinpath("meanings.toml").read_text(encoding="utf-8"))
