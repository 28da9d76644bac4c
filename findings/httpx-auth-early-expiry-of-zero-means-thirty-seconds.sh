#!/bin/sh
# httpx-auth 0.23.1: `early_expiry=0` means 30 seconds, so a token of 30 seconds is asked for at every call.
#
# The documentation of OAuth2ClientCredentials says of `early_expiry`: "Set it to 0 to deactivate this feature and
# use the same token until actual expiry." The constructor reads `float(kwargs.pop("early_expiry", None) or 30.0)`,
# for which 0 is no value, and takes the default. A small number, as 0.001, does what 0 should.
#
# Seen on CPython 3.11 with httpx-auth 0.23.1: token calls for 3 calls with a token of 20 seconds
#   early_expiry=0: 3
#   early_expiry=0.001: 1
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx-auth==0.23.1 httpx==0.28.1
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/seen"
import httpx
from httpx_auth import OAuth2ClientCredentials

token_calls = []


def token_endpoint(request):
    token_calls.append(request)
    return httpx.Response(200, json={"access_token": "a-token", "token_type": "Bearer", "expires_in": 20})


for early_expiry in (0, 0.001):
    auth = OAuth2ClientCredentials(
        "https://as.example/token",
        f"client-{early_expiry}",
        "a-secret",
        early_expiry=early_expiry,
        client=httpx.Client(transport=httpx.MockTransport(token_endpoint)),
    )
    api = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200)), auth=auth)
    token_calls.clear()
    for _ in range(3):
        api.get("https://api.example/")
    print(f"early_expiry={early_expiry}: {len(token_calls)}")
PYTHON
diff - "$folder/seen" <<'SEEN'
early_expiry=0: 3
early_expiry=0.001: 1
SEEN
