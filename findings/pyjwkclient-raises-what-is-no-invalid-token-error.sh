#!/bin/sh
# PyJWT 2.15.1: what PyJWKClient raises for a token of an unknown key is no InvalidTokenError.
#
# InvalidTokenError is documented as the base of what decode() raises, so an API would catch it and answer 401. For a token
# whose key is not in the key set, PyJWKClient raises PyJWKClientError, which has another base, and the API answers 500. A
# client renews at 401 only, so after a key rotation it keeps its old token. Catch PyJWTError, the base of both.
#
# Seen on CPython 3.11 with PyJWT 2.15.1 and cryptography 50.0.2:
#   an expired token: ExpiredSignatureError, an InvalidTokenError: True, a PyJWTError: True
#   a token of an unknown key: PyJWKClientError, an InvalidTokenError: False, a PyJWTError: True
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'PyJWT[crypto]==2.15.1' cryptography==50.0.2
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/seen"
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

key = generate_private_key(SECP256R1())
public = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "known", "alg": "ES256", "use": "sig"}


class KeySet(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": [public]}).encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), KeySet)
threading.Thread(target=server.serve_forever, daemon=True).start()
keys = jwt.PyJWKClient(f"http://127.0.0.1:{server.server_port}")


def show(name, kid):
    token = jwt.encode({"exp": 1}, key, "ES256", {"kid": kid})
    try:
        jwt.decode(token, keys.get_signing_key_from_jwt(token), ["ES256"])
    except Exception as error:
        invalid, any_error = (isinstance(error, base) for base in (jwt.InvalidTokenError, jwt.PyJWTError))
        print(f"{name}: {type(error).__name__}, an InvalidTokenError: {invalid}, a PyJWTError: {any_error}")


show("an expired token", "known")
show("a token of an unknown key", "unknown")
PYTHON
diff - "$folder/seen" <<'SEEN'
an expired token: ExpiredSignatureError, an InvalidTokenError: True, a PyJWTError: True
a token of an unknown key: PyJWKClientError, an InvalidTokenError: False, a PyJWTError: True
SEEN
