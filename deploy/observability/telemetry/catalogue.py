"""Every metric: its name with its unit, its labels, and the services that have it.

No label has a value that a client chooses, so that nobody can make the number of series grow.
"""

from dataclasses import dataclass
from typing import Literal

ALL = ("auth-server", "protected-api", "calling-service")
# Seconds. A token takes a few milliseconds; a call of another server ends after 3 or 10 s.
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
RUN_BUCKETS = (1, 5, 15, 60, 300, 900, 3600, 14400)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric; `starts` has the label values that are there, at 0, before the first event."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    services: tuple[str, ...]
    meaning: str
    labels: tuple[str, ...] = ()
    starts: tuple[tuple[str, ...], ...] = ()
    buckets: tuple[float, ...] = ()
    of_workers: Literal["livesum", "livemin"] | None = None  # how the values of a gauge's workers become one

    @property
    def is_collected(self) -> bool:
        """Return whether the value is read when it is asked for, and no worker keeps it."""
        return self.kind == "gauge" and self.of_workers is None


def _each(*values: str) -> tuple[tuple[str, ...], ...]:
    return tuple((value,) for value in values)


METRICS = (
    Metric("http_requests_total", "counter", ALL, "requests", ("route", "method", "status")),
    Metric(
        "http_request_duration_seconds",
        "histogram",
        ALL,
        "how long requests took; that of `/oauth/token` is the latency of tokens",
        ("route",),
        buckets=REQUEST_BUCKETS,
    ),
    Metric("service_workers", "gauge", ALL, "worker processes that serve", of_workers="livesum"),
    Metric(
        "oauth_tokens_issued_total",
        "counter",
        ("auth-server",),
        "access tokens issued",
        ("grant_type", "auth_method"),
        tuple(
            ("client_credentials", method)
            for method in ("client_secret_basic", "client_secret_post", "private_key_jwt")
        ),
    ),
    Metric(
        "oauth_token_requests_refused_total",
        "counter",
        ("auth-server",),
        "token requests refused: the error of the answer, and the reason of the log if it is a common one",
        ("error", "reason"),
        (
            ("invalid_client", "unknown client"),
            ("invalid_client", "wrong secret"),
            ("invalid_scope", "a scope is not granted"),
        ),
    ),
    Metric(
        "oauth_checks_failed_total",
        "counter",
        ("auth-server",),
        "requests to the OAuth endpoints that failed a check",
        ("check",),
        _each("request", "credentials", "grant-type", "target", "scope", "actions"),
    ),
    Metric(
        "oauth_failed_logins_limited_total",
        "counter",
        ("auth-server",),
        "failed authentications answered with 429, because there were too many",
    ),
    Metric(
        "oauth_signing_key_age_seconds",
        "gauge",
        ("auth-server",),
        "for how long the current key has signed",
        ("alg",),
    ),
    Metric(
        "api_token_checks_failed_total",
        "counter",
        ("protected-api",),
        "access tokens that were not accepted, by the check that failed",
        ("check",),
        _each("presenting", "signature", "audience", "times", "scope"),
    ),
    Metric(
        "api_key_set_fetches_total",
        "counter",
        ("protected-api",),
        "fetches of the issuer's key set",
        ("outcome",),
        _each("fetched", "failed"),
    ),
    Metric(
        "api_key_set_fetched_timestamp_seconds",
        "gauge",
        ("protected-api",),
        "Unix time of the last good fetch, of the worker whose fetch is the oldest; 0 means never",
        of_workers="livemin",
    ),
    Metric(
        "token_source_uses_total",
        "counter",
        ("calling-service",),
        "how often the job needed a token: it was in the cache, was requested, or could not be had",
        ("outcome",),
        _each("cached", "requested", "failed"),
    ),
    Metric(
        "import_rows_total",
        "counter",
        ("calling-service",),
        "rows of exports",
        ("outcome",),
        _each("booked", "unchanged", "rejected"),
    ),
    Metric(
        "import_run_duration_seconds",
        "histogram",
        ("calling-service",),
        "how long runs of the import took",
        ("state",),
        _each("completed", "failed", "stopped"),
        RUN_BUCKETS,
    ),
    Metric(
        "import_last_success_timestamp_seconds",
        "gauge",
        ("calling-service",),
        "Unix time at which a run last completed; absent before the first",
    ),
)


def named(name: str) -> Metric:
    """Return the metric of this name."""
    (found,) = (metric for metric in METRICS if metric.name == name)
    return found
