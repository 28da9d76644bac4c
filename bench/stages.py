"""Where the time of a token request goes, as the authorization server reports it in Server-Timing.

The requests go one after another over one connection, so that none waits for another.
"""

import re
import socket
import statistics
import time
from collections import defaultdict

from live_stack import Stack

from bench import token_requests

SAMPLES = 1000
REST = "the rest: HTTP, Flask, the log"


def measure(stack: Stack) -> None:
    """Restart the server with EXPLAIN=1, and print the median time of each check by algorithm."""
    stack.environment["EXPLAIN"] = "1"
    stack.make("up")
    table = {alg: _medians(stack, audience) for alg, audience in token_requests.audiences(stack).items()}
    print(f"\nWhere a token request's time goes, medians of {SAMPLES} requests, µs")
    print(f"{'':<46}" + "".join(f"{alg:>9}" for alg in table))
    for name in table["RS256"]:
        print(f"{name:<46}" + "".join(f"{medians[name] * 1e6:>9.0f}" for medians in table.values()))


def _medians(stack: Stack, audience: str) -> dict[str, float]:
    request = token_requests.with_basic(stack, audience)
    times: dict[str, list[float]] = defaultdict(list)
    with socket.create_connection(("127.0.0.1", stack.ports["auth-server"]), timeout=10) as connection:
        for _ in range(SAMPLES):
            began = time.perf_counter()
            connection.sendall(request)
            answer = connection.recv(65536)
            elapsed = time.perf_counter() - began
            checks = re.findall(rb"([a-z-]+);dur=([0-9.]+)", answer)
            for name, milliseconds in checks:
                times[name.decode()].append(float(milliseconds) / 1e3)
            times[REST].append(elapsed - sum(float(milliseconds) for _, milliseconds in checks) / 1e3)
    return {name: statistics.median(values) for name, values in times.items()}
