"""Tell the API which department a client belongs to, from the client's metadata in the tenant file."""

from typing import Any


def on_execute_credentials_exchange(event: Any, api: Any) -> None:
    """Add a namespaced claim where the client has a department."""
    if department := event.client.metadata.get("department"):
        api.access_token.set_custom_claim("https://exampleco.example/department", department)
