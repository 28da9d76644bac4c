"""A run with what crossed the wire in it: the one value that page, terminal and exports work on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from calling_service.runs.run import Run
from recording.exchange import Exchange


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run and its exchanges in their order; of a long run some in the middle are omitted."""

    run: Run
    exchanges: tuple[Exchange, ...]
    exchanges_omitted: int = 0

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the run that `GET /runs/<id>` shows as this document."""
        exchanges = tuple(Exchange.from_json(each) for each in document["exchanges"])
        return cls(Run.from_json(document), exchanges, document["exchanges_omitted"])
