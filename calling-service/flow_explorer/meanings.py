"""What the parts of messages, tokens and examinations are for, and by which source (meanings.toml)."""

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

RFC = re.compile(r"RFC (\d+) ([\d.]+)")


@dataclass(frozen=True, slots=True)
class Meaning:
    """A sentence or two; the name and address of their source, unless it is ours."""

    text: str
    source: str | None = None
    address: str | None = None

    @classmethod
    def of(cls, text: str, source: str | None = None, address: str | None = None) -> "Meaning":
        """Return the meaning, an RFC's section with its address."""
        if source and (rfc := RFC.fullmatch(source)):
            address = f"https://www.rfc-editor.org/rfc/rfc{rfc[1]}#section-{rfc[2]}"
        return cls(text, source, address)


def meaning(section: str, name: str, *, of: str | None = None) -> Meaning | None:
    """Return what `name` means in a section of the file (for checks: those of a server), or None."""
    names: dict[str, Any] = _MEANINGS[section]
    told = (names.get(of, {}) if of is not None else names).get(name)
    return Meaning.of(*told) if told else None


_MEANINGS = tomllib.loads(files(__package__).joinpath("meanings.toml").read_text(encoding="utf-8"))
