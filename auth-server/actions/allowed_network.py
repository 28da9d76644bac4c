"""Serve a client whose metadata names an `allowed_network` only from that network."""

from ipaddress import ip_address, ip_network
from typing import Any


def on_execute_credentials_exchange(event: Any, api: Any) -> None:
    """Deny by the address of the request; behind a proxy that needs TRUSTED_PROXIES."""
    network = event.client.metadata.get("allowed_network")
    if network and ip_address(event.request.ip) not in ip_network(network):
        api.access.deny("unauthorized_client", "The client may not ask from this address.")
