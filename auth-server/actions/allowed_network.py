"""Serve a client whose metadata names an `allowed_network` only from that network."""

from ipaddress import ip_address, ip_network
from typing import Any


def on_execute_credentials_exchange(event: Any, api: Any) -> None:
    """Deny by the address of the request; behind a proxy that needs TRUSTED_PROXIES."""
    network = event.client.metadata.get("allowed_network")
    address = event.request.ip
    if network and ip_address(address) not in ip_network(network):
        api.access.deny(
            "unauthorized_client",
            f"The client may not ask from the address {address}.",
            # Whoever has stolen the secret must not read which network to go to.
            for_log=f"the client may ask from {network} only, and the request comes from {address}",
        )
