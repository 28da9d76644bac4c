"""Access tokens for a workload that has no credential of its own: its platform vouches for it (RFC 7521 4.2).

The platform, such as Kubernetes, writes a token that names the workload into a file and renews it there. A
server accepts such a token any number of times until it expires.
"""

import re
from dataclasses import dataclass

import requests

from .token_request import Auth, Form
from .token_source import TokenError, TokenSource

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:"
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


@dataclass(kw_only=True, eq=False)
class FederatedTokenSource(TokenSource):
    """A token source whose `secret_file` holds the platform's token; each token call reads it again."""

    assertion_type: str = "jwt-bearer"  # or "jwt-spiffe", for a JWT-SVID

    def _authenticate(self, secret: str, form: Form) -> tuple[Auth, str]:
        if not JWT.fullmatch(secret):
            raise TokenError(
                "no_credential", f"{self.secret_file} holds no JWT; name the file of the platform"
            )
        # The token's own sub is the platform's name of the workload, so the request says which client it is.
        form |= {"client_id": self.client_id, "client_assertion_type": ASSERTION_TYPE + self.assertion_type}
        form |= {"client_assertion": secret}
        return _add_no_header, secret


def _add_no_header(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return the request; as its auth, this keeps requests from looking for credentials in a .netrc."""
    return request
