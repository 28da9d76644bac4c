#!/bin/sh
# requests-oauthlib 2.0.0: while one thread fetches a token, the session's other calls go out without any.
#
# `OAuth2Session.fetch_token()` first sets the session's token to {}, then asks for the new one. Until the answer is
# there, a call of another thread in the same session is sent without an Authorization header, although the token
# that the session had is still good. No error is raised, and the API answers 401. One would expect the old token, or a
# wait. Give each thread a session of its own, or hold a lock.
#
# Seen on CPython 3.11 with requests-oauthlib 2.0.0 and oauthlib 4.0.1:
#   before: Bearer token-1
#   while another thread fetches a token: None
#   afterwards: Bearer token-2
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check requests-oauthlib==2.0.0 oauthlib==4.0.1
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/seen"
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
asked, answer_now = threading.Event(), threading.Event()
answer_now.set()
issued = []


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        asked.set()
        answer_now.wait(10)
        issued.append(f"token-{len(issued) + 1}")
        self.answer({"access_token": issued[-1], "token_type": "Bearer", "expires_in": 3600})

    def do_GET(self):
        self.answer(self.headers["Authorization"])

    def answer(self, body):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
session = OAuth2Session(client=BackendApplicationClient("an-id"))


def fetch():
    session.fetch_token(url, client_id="an-id", client_secret="a-secret")


fetch()
print("before:", session.get(url).json())
asked.clear()
answer_now.clear()
thread = threading.Thread(target=fetch)
thread.start()
asked.wait(10)
print("while another thread fetches a token:", session.get(url).json())
answer_now.set()
thread.join()
print("afterwards:", session.get(url).json())
PYTHON
diff - "$folder/seen" <<'SEEN'
before: Bearer token-1
while another thread fetches a token: None
afterwards: Bearer token-2
SEEN
