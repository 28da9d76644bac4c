"""A key set for libraries that fetch none: it is fetched again after five minutes."""

import os
import time
from collections.abc import Callable
from typing import Any

import requests


class FetchedKeySet:
    """The keys, and when they are to be fetched again; `read` makes the library's key set of JSON."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read
        self._until = 0.0

    def current(self) -> Any:
        """Return the keys, as the library has them."""
        if time.monotonic() >= self._until:
            self._keys = self._read(requests.get(os.environ["JWKS_URI"], timeout=3).json())
            self._until = time.monotonic() + 300
        return self._keys
