"""Tell the API to which department a client belongs, from the client's metadata in the tenant file."""

from typing import Any


def on_execute_credentials_exchange(event: Any, api: Any) -> None:
    """Add a namespaced claim if the client has a department."""
    department = event.client.metadata.get("department")
    if department:
        api.access_token.set_custom_claim("https://exampleco.example/department", department)
