"""Print what a soak counted, and which promise does not hold."""

from proof.soak.memory import SETTLED, Worker
from proof.soak.run import Soak

GROWTH = 0.05  # of a worker's memory after its first five minutes
REQUESTS = "{:38} {:>8} {:>6} {:>5} {:>10} {:>16}"
WORKERS = "{:20} {:>8} {:>12} {:>12} {:>8} {:>18}"


def printed(soak: Soak) -> int:
    """Print the tables; return 0 if every promise holds, 1 if not."""
    _requests(soak)
    print()
    for name, count in sorted(soak.tally.faults.items()):
        print(f"{name:45} {count:8}")
    print()
    _workers(soak)
    lost = f"{len(soak.lost)} lost, {len(soak.double)} booked twice or never sent"
    print(f"\nbookings: {soak.due:,} due, {lost}")
    broken = promises(soak)
    for promise in broken:
        print(f"broken: {promise}")
    if not broken:
        print("every promise holds")
    return 1 if broken else 0


def _requests(soak: Soak) -> None:
    print(REQUESTS.format("requests", "sent", "wrong", "5xx", "no answer", "lost to a fault"))
    rows = soak.tally.rows()
    _, *columns = zip(*rows, strict=True)
    for row in (*rows, ("together", *map(sum, columns))):
        print(REQUESTS.format(*row))
    for bad in soak.tally.unexplained()[:10]:
        print(f"  {bad.kind}: {bad.outcome} after {bad.ended - bad.started:.1f} s: {bad.what}")


def _workers(soak: Soak) -> None:
    print(WORKERS.format("workers", "minutes", "after five", "in the end", "growth", "descriptors"))
    for worker in settled(soak):
        first = worker.settled or {}
        last = worker.last
        minutes = (worker.last_seen - worker.first_seen) / 60
        memory = [f"{each['memory'] / 1024:.1f} MiB" for each in (first, last)]
        descriptors = f"{first['descriptors']}, then {last['descriptors']}"
        growth = f"{worker.growth() or 0:.1%}"
        print(WORKERS.format(worker.service, f"{minutes:.1f}", *memory, growth, descriptors))
    seen = soak.memory
    print(f"{len(seen.workers)} workers in all; one had {seen.most_sockets} sockets at most;", end=" ")
    print(f"{seen.close_wait} connections were left half closed in the end")


def settled(soak: Soak) -> list[Worker]:
    """Return the workers that lived for ten minutes."""
    return [
        worker
        for worker in soak.memory.workers.values()
        if worker.growth() is not None and worker.last_seen - worker.first_seen >= 2 * SETTLED
    ]


def promises(soak: Soak) -> list[str]:
    """Return the promises that do not hold."""
    outcomes = [bad.outcome for bad in soak.tally.unexplained()]
    found = [f"{outcomes.count(outcome)} requests: {outcome}" for outcome in sorted(set(outcomes))]
    if soak.lost:
        found.append(f"lost: {', '.join(soak.lost[:3])}")
    if soak.double:
        found.append(f"booked twice or never sent: {', '.join(soak.double[:3])}")
    for worker in settled(soak):
        growth = worker.growth() or 0.0
        if growth > GROWTH:
            found.append(f"a worker of {worker.service} has grown by {growth:.1%}")
    return found + soak.failures
