#!/bin/sh
# PyJWT 2.15.1, joserfc 1.8.0, jose 6.2.18: the keys of a SPIFFE trust domain are no keys to them.
#
# A SPIFFE bundle endpoint publishes a JWK Set (RFC 7517), so one would give its address to a library that verifies
# JWTs, as one does with the key set of an OpenID provider. But the keys for JWT-SVIDs have "use": "jwt-svid" there
# (SPIFFE Trust Domain and Bundle, 4.2.2), and each library looks for "sig": PyJWKClient finds no signing key, jose no
# key that fits, and joserfc refuses the whole set. Write "sig" in the place of "jwt-svid" before you import the keys,
# after leaving out those with "x509-svid"; or take the keys of SPIRE's OIDC discovery provider, which have no such use.
#
# Seen on CPython 3.11 and Node.js 20, with one key, one token and two spellings of its use:
#   sig: PyJWKClient verifies, joserfc verifies, jose verifies
#   jwt-svid: PyJWKClient PyJWKClientError, joserfc KeyParameterError, jose ERR_JWKS_NO_MATCHING_KEY
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'pyjwt[crypto]==2.15.1' joserfc==1.8.0
echo '{}' >package.json
npm install --silent --no-audit --no-fund jose@6.2.18
cat >see.mjs <<'JAVASCRIPT'
import { readFileSync } from 'node:fs';
import { createLocalJWKSet, jwtVerify } from 'jose';

const { token, bundle } = JSON.parse(readFileSync(0));
const outcome = await jwtVerify(token, createLocalJWKSet(bundle)).then(() => 'verifies', (error) => error.code);
console.log(outcome);
JAVASCRIPT
venv/bin/python - <<'PYTHON' | tee seen
import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
from joserfc import jwk
from joserfc import jwt as joserfc_jwt

key = jwk.ECKey.generate_key("P-256", parameters={"kid": "a"})
claims = {"sub": "spiffe://example.org/job", "aud": "us", "exp": int(time.time()) + 60}
token = jwt.encode(claims, key.private_key, "ES256", headers={"kid": "a"})
bundle = {}


class Endpoint(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(bundle).encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()


def with_pyjwt():
    found = jwt.PyJWKClient(f"http://127.0.0.1:{server.server_port}/").get_signing_key_from_jwt(token)
    jwt.decode(token, found, ["ES256"], audience="us")


def with_joserfc():
    joserfc_jwt.decode(token, jwk.KeySet.import_key_set(bundle))


def outcome(verify):
    try:
        verify()
    except Exception as error:
        return type(error).__name__
    return "verifies"


for use in ("sig", "jwt-svid"):
    bundle = {"keys": [{**key.as_dict(private=False), "use": use}], "spiffe_sequence": 1}
    given = json.dumps({"token": token, "bundle": bundle})
    jose = subprocess.run(["node", "see.mjs"], input=given, capture_output=True, text=True, check=True)
    python = f"PyJWKClient {outcome(with_pyjwt)}, joserfc {outcome(with_joserfc)}"
    print(f"{use}: {python}, jose {jose.stdout.strip()}")
PYTHON
diff - seen <<'SEEN'
sig: PyJWKClient verifies, joserfc verifies, jose verifies
jwt-svid: PyJWKClient PyJWKClientError, joserfc KeyParameterError, jose ERR_JWKS_NO_MATCHING_KEY
SEEN
