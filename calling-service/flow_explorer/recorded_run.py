"""A run with what crossed the wire: the one value that the page, the terminal and the formats work on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from calling_service.runs.history import StoredRun
from calling_service.runs.run import Run
from recording.exchange import Exchange


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run and its exchanges in their order; of a long run, some in the middle are omitted."""

    run: Run
    exchanges: tuple[Exchange, ...]
    exchanges_omitted: int = 0

    @classmethod
    def of(cls, stored: StoredRun) -> Self:
        """Return the run that the history holds."""
        exchanges = tuple(Exchange.from_json(document) for document in stored.exchanges)
        return cls(stored.run, exchanges, stored.exchanges_omitted)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the run that `GET /runs/<id>` shows as this document."""
        exchanges = tuple(document["exchanges"])
        return cls.of(StoredRun(Run.from_json(document), exchanges, document["exchanges_omitted"]))
