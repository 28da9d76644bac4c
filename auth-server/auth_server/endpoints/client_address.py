"""The address a request comes from, as the proxies in front tell it where those are trusted."""

import ipaddress
from collections.abc import Sequence

from flask import Request

from auth_server.settings_reader import Network


def client_address(request: Request, trusted_proxies: Sequence[Network]) -> str:
    """Give the last address that no trusted proxy vouches from; each adds to X-Forwarded-For on the right."""
    address: str = request.environ.get("REMOTE_ADDR", "")
    if not trusted_proxies:
        return address
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    while forwarded and _is_trusted(address, trusted_proxies):
        before = forwarded.pop().strip()
        if not _is_address(before):
            break
        address = before
    return address


def _is_trusted(address: str, trusted_proxies: Sequence[Network]) -> bool:
    return _is_address(address) and any(ipaddress.ip_address(address) in proxy for proxy in trusted_proxies)


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False
