"""Wait until every URL answers 200: `python ready.py SECONDS URL ...`. Standard library only.

With Docker it is piped into a container's Python, so that the host needs no Python.
"""

import sys
import time
import urllib.error
import urllib.request

WITHOUT_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answer(url: str) -> str:
    """Return "200", or what the URL answered instead."""
    try:
        with WITHOUT_PROXY.open(url, timeout=3) as response:
            return str(response.status)
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read(300).decode(errors='replace')}"
    except OSError as error:
        return str(error)


def main(seconds: str, *urls: str) -> int:
    """Poll until all URLs are ready or the time is over; print those that are not ready."""
    deadline = time.monotonic() + float(seconds)
    while True:
        answers = {url: answer(url) for url in urls}
        waiting = {url: said for url, said in answers.items() if said != "200"}
        if not waiting:
            return 0
        if time.monotonic() > deadline:
            for url, said in waiting.items():
                print(f"Not ready after {seconds} s: {url}: {said.strip()}", file=sys.stderr)  # noqa: T201
            print("`make logs` says why.", file=sys.stderr)  # noqa: T201
            return 1
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
