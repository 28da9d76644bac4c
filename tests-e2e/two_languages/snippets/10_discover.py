from os import environ
from typing import Any

import requests


def document(url: str, member: str, expected: str) -> dict[str, Any]:
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    if answer.json()[member] != expected:  # RFC 8414 3.3, RFC 9728 3.3
        raise ValueError(f"{url} is about something else")
    return answer.json()


api = environ["AUDIENCE"]
about_api = document(api + "/.well-known/oauth-protected-resource", "resource", api)
(issuer,) = about_api["authorization_servers"]
if issuer != environ["ISSUER"]:  # an API does not decide whom a client gives its secret
    raise ValueError(f"{issuer} is not the server that this client trusts")
server = document(issuer + "/.well-known/oauth-authorization-server", "issuer", issuer)
print(server["token_endpoint"])
