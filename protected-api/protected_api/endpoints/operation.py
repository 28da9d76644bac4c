"""Declare at a view what its route takes and answers. Not here: the description made of it (openapi.py)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Operation:
    """Decorates a view with the types of its JSON: of its answers by status, its body, its query.

    The type of an answer without a body is None. The first line of the view's docstring is the summary.
    """

    answers: Mapping[int, Any]
    body: Any = None
    query: Any = None

    def __call__(self, view: View) -> View:
        """Return the view, with this operation attached."""
        view.operation = self  # type: ignore[attr-defined]
        return view


operation = Operation
