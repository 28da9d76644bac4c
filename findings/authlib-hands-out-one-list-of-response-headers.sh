#!/bin/sh
# Authlib 1.9.9: every grant and endpoint returns the same list object as its response headers.
#
# A grant's create_token_response() and an endpoint's create_endpoint_response() return (status, body, headers).
# One would take `headers` for a list of this answer. It is `authlib.consts.default_json_headers`, one list for
# the life of the process, so an override that appends a header to it adds the header to every later answer of
# the token, introspection and revocation endpoints as well. Return a new list: `[*headers, ("X-Name", "…")]`.
#
# Seen on CPython 3.11 with authlib 1.9.9:
#   token 1: X-Request-Id: 1
#   token 2: X-Request-Id: 1, 2
#   introspection: X-Request-Id: 1, 2
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check authlib==1.9.9
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/seen"
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientCredentialsGrant, OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7662 import IntrospectionEndpoint


class Server(AuthorizationServer):
    def generate_token(self, **_):
        return {"access_token": "a-token", "token_type": "Bearer"}

    def save_token(self, token, request):
        pass


class GrantWithRequestId(ClientCredentialsGrant):
    def create_token_response(self):
        status, body, headers = super().create_token_response()
        headers.append(("X-Request-Id", self.request.headers["X-Request-Id"]))
        return status, body, headers


class Introspection(IntrospectionEndpoint):
    def authenticate_endpoint_client(self, request):
        return None

    def authenticate_token(self, request, client):
        return None


def request(path, payload, request_id=""):
    made = OAuth2Request("POST", f"https://as.example{path}", headers={"X-Request-Id": request_id})
    made.payload = BasicOAuth2Payload(payload)
    return made


def show(name, headers):
    print(f"{name}: X-Request-Id:", ", ".join(value for key, value in headers if key == "X-Request-Id"))


for number in ("1", "2"):
    grant = GrantWithRequestId(request("/token", {"grant_type": "client_credentials"}, number), Server())
    show(f"token {number}", list(grant.create_token_response()[2]))
_, _, headers = Introspection(Server()).create_endpoint_response(request("/introspect", {"token": "a-token"}))
show("introspection", headers)
PYTHON
diff - "$folder/seen" <<'SEEN'
token 1: X-Request-Id: 1
token 2: X-Request-Id: 1, 2
introspection: X-Request-Id: 1, 2
SEEN
