"""Receive a request of an OAuth endpoint, with the address that it comes from."""

import ipaddress
from collections.abc import Sequence

from flask import Request, g, request

from auth_server.protocol.oauth_request import OAuthRequest, read_request
from auth_server.server_timing import checking
from auth_server.settings import Network


def receive(trusted_proxies: Sequence[Network]) -> OAuthRequest:
    """Return the current request, and keep it in `g` for the log of a refusal; raise InvalidRequestError."""
    checking("request")
    g.address = client_address(request, trusted_proxies)
    g.oauth_request = oauth_request = read_request(request, g.address)
    return oauth_request


def client_address(request: Request, trusted_proxies: Sequence[Network]) -> str:
    """Return the last address that is not a trusted proxy's; X-Forwarded-For grows on the right."""
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
