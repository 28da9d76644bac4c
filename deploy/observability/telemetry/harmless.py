"""Telemetry must not fail the request or the run that it is part of: an error of its own is logged."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")
log = logging.getLogger(__name__)


def harmless(act: Callable[P, None]) -> Callable[P, None]:
    """Return the function without its errors."""

    @wraps(act)
    def without_errors(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            act(*args, **kwargs)
        except Exception:
            log.exception("telemetry failed")

    return without_errors
