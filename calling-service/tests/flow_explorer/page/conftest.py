"""The service with its page, and a client of it."""

import threading
from collections.abc import Iterator

import pytest
from calling_service.app import create_app
from calling_service.service import Service
from calling_service.settings import Settings
from calling_service.web import build_web
from flask.testing import FlaskClient


@pytest.fixture
def service(environ: dict[str, str]) -> Iterator[Service]:
    """Yield the service; at the end, after its runs, stop it."""
    service = build_web(Settings.from_environ(environ | {"EXPLAIN": "1"}))
    yield service
    for thread in threading.enumerate():
        if thread.name == "run":
            thread.join(10)
    service.stop()
    service.close()


@pytest.fixture
def client(service: Service) -> FlaskClient:
    """Return a client of the service."""
    return create_app(service).test_client()
