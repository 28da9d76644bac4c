#!/bin/sh
# Glewlwyd 2.7.6 (Debian 13), plugin oidc: without `resource`, the `aud` of an access token is its scope string.
#
# One would expect `aud` to be the API, or the issuer, or absent. A token of a request without `resource` (RFC 8707) has the
# scopes there, in one string, so an API that checks the audience refuses it. The type of the token is at+jwt, as RFC 9068
# has it, and every claim that it requires is there. Name the API by `resource`, and allow it in `resource-scope`: the
# plugin answers invalid_target otherwise. And ask the token endpoint, not the metadata, whether the grant is served.
#
# Needs Docker. Seen with glewlwyd 2.7.6+ds-3:
#   without resource: aud 'read:timesheets write:timesheets'
#   with resource: aud 'https://api.example'
#   the metadata's grant types: authorization_code, implicit
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/server.py" <<'PYTHON'
import base64
import json
import subprocess
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

URL = "http://localhost:4593/api"
SCOPES = ["read:timesheets", "write:timesheets"]
key = subprocess.check_output(["openssl", "genrsa", "2048"], text=True, stderr=subprocess.DEVNULL)
public = subprocess.check_output(["openssl", "rsa", "-pubout"], text=True, input=key, stderr=subprocess.DEVNULL)
server = subprocess.Popen(["glewlwyd", "--config-file=/etc/glewlwyd/glewlwyd.conf"], stdout=subprocess.DEVNULL)
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))


def post(path, body):
    request = urllib.request.Request(f"{URL}/{path}", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    opener.open(request)


def audience(**parameters):
    form = {"grant_type": "client_credentials", "scope": " ".join(SCOPES), **parameters}
    request = urllib.request.Request(f"{URL}/oidc/token", urllib.parse.urlencode(form).encode())
    request.add_header("Authorization", "Basic " + base64.b64encode(b"job:a-secret").decode())
    token = json.load(urllib.request.urlopen(request))["access_token"]
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["aud"]


for _ in range(100):
    try:
        opener.open("http://localhost:4593/config")
        break
    except OSError:
        time.sleep(0.1)
post("auth/", {"username": "admin", "password": "password"})
parameters = {
    "iss": f"{URL}/oidc",
    "jwt-type": "rsa",
    "jwt-key-size": "256",
    "key": key,
    "cert": public,
    "allow-non-oidc": True,
    "auth-type-client-enabled": True,
    "access-token-duration": 3600,
    "refresh-token-duration": 3600,
    "code-duration": 600,
    "resource-allowed": True,
    "resource-scope": {scope: ["https://api.example"] for scope in SCOPES},
}
post("mod/plugin/", {"module": "oidc", "name": "oidc", "parameters": parameters, "order_rank": 0})
for scope in SCOPES:
    post("scope/", {"name": scope, "display_name": scope, "password_required": False})
client = {"client_id": "job", "password": "a-secret", "confidential": True, "enabled": True, "scope": SCOPES}
client |= {"authorization_type": ["client_credentials"], "token_endpoint_auth_method": ["client_secret_basic"]}
post("client/", client)
print(f"without resource: aud {audience()!r}")
print(f"with resource: aud {audience(resource='https://api.example')!r}")
metadata = json.load(urllib.request.urlopen(f"{URL}/oidc/.well-known/openid-configuration"))
print("the metadata's grant types:", ", ".join(metadata["grant_types_supported"]))
server.terminate()
PYTHON
cat >"$folder/Dockerfile" <<'DOCKERFILE'
FROM python:3.13-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y glewlwyd=2.7.6+ds-3 openssl
COPY server.py /
DOCKERFILE
image=$(docker build --quiet "$folder")
docker run --rm --init "$image" python3 /server.py | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
without resource: aud 'read:timesheets write:timesheets'
with resource: aud 'https://api.example'
the metadata's grant types: authorization_code, implicit
SEEN
