"""Say at a view what its route takes and answers. Not here: who reads it (openapi.py)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Operation:
    """The types of a route's JSON: of its answers by status (None: no body), its body and its query."""

    answers: Mapping[int, Any]
    body: Any = None
    query: Any = None


def operation(answers: Mapping[int, Any], *, body: Any = None, query: Any = None) -> Callable[[View], View]:
    """Attach an Operation to the view, beside the docstring that sums it up."""

    def attach(view: View) -> View:
        view.operation = Operation(answers, body, query)  # type: ignore[attr-defined]
        return view

    return attach
