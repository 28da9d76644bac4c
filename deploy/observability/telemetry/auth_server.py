"""What the authorization server tells: tokens issued and refused, failed checks, and the age of its keys."""

from collections.abc import Iterator

from auth_server import cli
from auth_server.algorithms import SIGNING_ALGS
from auth_server.keys.life import State
from auth_server.logs import trace_id_of
from auth_server.protocol.client_authentication import presented_method
from auth_server.protocol.oauth_request import OAuthRequest
from auth_server.request_log import decision
from auth_server.server_timing import begin_checks, failed_check
from auth_server.startup import Service
from flask import Flask, Response, g
from prometheus_client.metrics_core import GaugeMetricFamily
from sqlalchemy.exc import SQLAlchemyError

from telemetry.catalogue import named
from telemetry.metrics import Metrics
from telemetry.served import observe_requests, serving
from telemetry.spans import Spans

# Of the reasons in the log, those that are the same text whoever asks.
REASONS = frozenset(
    (
        "unknown client",
        "wrong secret",
        "disabled client",
        "no credential",
        "a secret, but the client is registered with a key",
        "no readable secret digest",
        "client_assertion: replayed",
        "a scope is not granted",
    )
)


def observe(app: Flask, metrics: Metrics, spans: Spans | None) -> None:
    """Observe the requests of this worker."""
    app.before_request(begin_checks)

    @app.after_request
    def note_decision(response: Response) -> Response:
        served = serving.get()
        check = failed_check()
        if check:
            metrics.count("oauth_checks_failed_total", check)
        if served:
            served.failed_check = check
        if response.status_code == 429:
            metrics.count("oauth_failed_logins_limited_total")
        _count_token(metrics)
        return response

    observe_requests(app, metrics, spans, trace_id_of)


def _count_token(metrics: Metrics) -> None:
    decided = decision()
    message = decided.get("message")
    if message == "token issued":
        metrics.count("oauth_tokens_issued_total", "client_credentials", _auth_method(g.oauth_request))
    if message == "token refused":
        metrics.count("oauth_token_requests_refused_total", decided["error"], _common(decided["reason"]))


def _auth_method(asked: OAuthRequest) -> str:
    method = presented_method(asked)
    if method == "private_key_jwt" and not asked.client.has_key:
        return "federated"
    return method


def _common(reason: str) -> str:
    reason = reason.removesuffix("; too many failed authentications")
    return reason if reason in REASONS else "other"


class KeyAges:
    """Reads the age of the keys when it is asked for, from the database, which all workers share."""

    def __init__(self, service: Service) -> None:
        self._keys = service.keys

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return nothing while the database cannot be read."""
        metric = named("oauth_signing_key_age_seconds")
        family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        now = self._keys.store.now()
        try:
            keys = self._keys.read()
        except SQLAlchemyError:
            return
        for alg in SIGNING_ALGS:
            for life in keys.of(alg, now, State.CURRENT):
                family.add_metric([alg], now - life.key.signs_from)
        yield family


def collectors(app: Flask) -> list[KeyAges]:
    """Return what is read when it is asked for."""
    return [KeyAges(app.extensions[cli.EXTENSION])]
