"""The keys of every declared issuer, each from the one place that the tenant declares for it."""

import threading
from functools import partial
from pathlib import Path

from auth_server.clients.federated_subjects import KeyPlace
from auth_server.clients.public_keys import KeyFileError, client_keys, read_client_keys
from auth_server.federation.issuer_keys import Fits, IssuerKeys, Keys, KeysUnavailableError
from auth_server.federation.key_endpoint import fetch_json


class KeyPlaces:
    """Finds keys; `secrets_dir` has the files that the tenant names. Threads may share it."""

    def __init__(self, secrets_dir: Path) -> None:
        self._secrets_dir = secrets_dir
        self._fetched: dict[KeyPlace, IssuerKeys] = {}
        self._lock = threading.Lock()
        self._waiting = threading.Lock()

    def find(self, place: KeyPlace, fits: Fits) -> Keys:
        """Return the keys of a place that fit; raise KeysUnavailableError."""
        if place.jwks_file:
            return [key for key in self._of_file(self._secrets_dir / place.jwks_file) if fits(key)]
        with self._lock:
            if place not in self._fetched:
                self._fetched[place] = IssuerKeys(partial(self._fetch, place), self._waiting)
        return self._fetched[place].find(fits)

    def _of_file(self, file: Path) -> Keys:
        try:
            return read_client_keys(file)
        except KeyFileError as error:
            raise KeysUnavailableError(f"the issuer's key file {file.name} {error}") from None

    def _fetch(self, place: KeyPlace) -> Keys:
        # An absolute path stays as it is: a cluster mounts its CA and its token beside the secrets.
        ca_file = place.ca_file and self._secrets_dir / place.ca_file
        bearer_file = place.bearer_file and self._secrets_dir / place.bearer_file
        document = fetch_json(str(place.jwks_uri), ca_file or None, bearer_file or None)
        try:
            return client_keys(document)
        except KeyFileError as error:
            raise KeyFileError(f"{place.jwks_uri} {error}") from None
