"""Glewlwyd, in a container, as the server of one client and one API; CONFIGURATION is as elsewhere."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

CONFIGURATION = json.loads(os.environ["CONFIGURATION"])
CLIENT = CONFIGURATION["client"]
PORT = CONFIGURATION["port"]
ORIGIN = f"http://{CONFIGURATION['host']}:{PORT}"
FILES = {
    "port=4593": f"port={PORT}",
    'external_url="http://localhost:4593/"': f'external_url="{ORIGIN}"',
    'log_mode="file"': 'log_mode="console"',
}
key = subprocess.check_output(["openssl", "genrsa", "2048"], text=True, stderr=subprocess.DEVNULL)
public = subprocess.check_output(
    ["openssl", "rsa", "-pubout"], text=True, input=key, stderr=subprocess.DEVNULL
)

file = Path("/etc/glewlwyd/glewlwyd.conf")
text = file.read_text()
for old, new in FILES.items():
    assert old in text, old
    text = text.replace(old, new)
file.write_text(text)
server = subprocess.Popen(["glewlwyd", "--config-file=/etc/glewlwyd/glewlwyd.conf"])
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))


def post(path: str, body: object) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/api/{path}", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    try:
        opener.open(request)
    except urllib.error.HTTPError as error:
        sys.exit(f"{path}: {error} {error.read().decode()}")


for _ in range(100):
    try:
        opener.open(f"http://127.0.0.1:{PORT}/config").read()
        break
    except OSError:
        time.sleep(0.1)
post("auth/", {"username": "admin", "password": "password"})
# recipe begins
PLUGIN = {
    "iss": f"{ORIGIN}/api/oidc",
    "jwt-type": "rsa",
    "jwt-key-size": "256",
    "key": key,
    "cert": public,
    "jwks-show": True,
    "allow-non-oidc": True,
    "auth-type-client-enabled": True,
    "access-token-duration": 3600,
    "refresh-token-duration": 3600,
    "code-duration": 600,
    "resource-allowed": True,
    "resource-scope": {scope: [CONFIGURATION["audience"]] for scope in CONFIGURATION["scope"].split()},
}
post(
    "mod/plugin/",
    {"module": "oidc", "name": "oidc", "display_name": "OIDC", "parameters": PLUGIN, "order_rank": 0},
)
for scope in CONFIGURATION["scope"].split():
    post("scope/", {"name": scope, "display_name": scope, "password_required": False})
post(
    "client/",
    {
        "client_id": CLIENT["client_id"],
        "password": CLIENT["client_secret"],
        "confidential": True,
        "enabled": True,
        "scope": CONFIGURATION["scope"].split(),
        "authorization_type": ["client_credentials"],
        "token_endpoint_auth_method": ["client_secret_basic"],
    },
)
# recipe ends
server.wait()
