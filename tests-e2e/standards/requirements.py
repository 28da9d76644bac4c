"""Read the data files: the requirements of each standard, and the kinds of failures."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCUMENTS = Path(__file__).parent / "documents"
KINDS_FILE = Path(__file__).parent / "kinds_of_failures.toml"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a section demands of `roles`, where we do it, and why we differ, if we do."""

    id: str  # the section, and a word or two that tell it from others: "3.2 repeated parameters"
    rule: str  # MUST, SHOULD …
    roles: str  # AS, client, RS
    says: str
    module: str  # a path from the root
    case: str = ""  # the case of a test with many, as it stands in its file
    divergence: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A standard; markers name its requirements by its short name and their id."""

    title: str
    note: str
    requirements: tuple[Requirement, ...]

    @property
    def name(self) -> str:
        """Return the short name: "RFC 6749"."""
        return self.title.partition(":")[0]

    def marked(self, requirement: Requirement) -> str:
        """Return how a marker names one of the requirements."""
        return f"{self.name} {requirement.id}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of failure; `not_here` says, by place, why it cannot happen there."""

    id: str
    says: str
    not_here: dict[str, str]


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds of failures, and the names of the places where a signed token is read."""

    places: dict[str, str]
    kinds: tuple[Kind, ...]


def read_documents() -> list[Document]:
    """Return the standards in the order of their numbers; those without one come last."""
    files = sorted(DOCUMENTS.glob("*.toml"), key=lambda file: (len(file.stem), file.stem))
    return [_document(tomllib.loads(file.read_text())) for file in files]


def _document(data: dict[str, Any]) -> Document:
    requirements = tuple(Requirement(**each) for each in data["requirement"])
    return Document(data["title"], data.get("note", ""), requirements)


def read_kinds() -> Kinds:
    """Return the kinds of failures."""
    data = tomllib.loads(KINDS_FILE.read_text())
    kinds = tuple(Kind(each["id"], each["says"], each.get("not_here", {})) for each in data["kind"])
    return Kinds(data["places"], kinds)
