#!/bin/sh
# Prometheus 2.42.0: each token call that fails is made twice, the second time with the secret in the body.
#
# With `oauth2:`, Prometheus does not know where the token endpoint wants the secret, and finds out: first in the
# header, then in the body (golang.org/x/oauth2 does it). One would expect the second call after a 401 alone. It comes
# after every error, at once, also after a 429 that says when to come again; and since only a success is remembered,
# each scrape does the same. A server that counts failures per client counts two a scrape, 480 an hour with the
# interval of 15 seconds that the example configuration has.
#
# Seen on Debian 12 with prometheus 2.42.0+ds-5+deb12u1:
#   429 with Retry-After: 60: secret in the header, then in the body, less than a second later
#   next scrape, a second later: secret in the header, then in the body, less than a second later
set -eu
folder=$(mktemp -d)
trap 'kill "$prometheus" 2>/dev/null || true; rm -rf "$folder"' EXIT
prometheus=
cd "$folder"
apt-get download --quiet prometheus=2.42.0+ds-5+deb12u1 >/dev/null 2>&1
dpkg-deb --extract prometheus_*.deb .
cat >see.py <<'PYTHON'
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

calls = []


class TokenEndpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        calls.append((time.monotonic(), "body" if b"client_secret" in body else "header"))
        self.send_response(429)
        self.send_header("Retry-After", "60")
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), TokenEndpoint)
with open("prometheus.yml", "w") as file:
    file.write(f"""
scrape_configs:
  - job_name: api
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{{targets: ["127.0.0.1:{server.server_port}"]}}]
    oauth2: {{client_id: id, client_secret: secret, token_url: "http://127.0.0.1:{server.server_port}/token"}}
""")
open("ready", "w").close()
while len(calls) < 4:
    server.handle_request()
for title, (first, second) in {"429 with Retry-After: 60": calls[:2], "next scrape, a second later": calls[2:]}.items():
    soon = "less than a second later" if second[0] - first[0] < 1 else "later"
    print(f"{title}: secret in the {first[1]}, then in the {second[1]}, {soon}")
PYTHON
python3 see.py >seen &
server=$!
until [ -e ready ]; do sleep 0.1; done
usr/bin/prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address=127.0.0.1:0 >log 2>&1 &
prometheus=$!
wait "$server"
cat seen
diff - seen <<'SEEN'
429 with Retry-After: 60: secret in the header, then in the body, less than a second later
next scrape, a second later: secret in the header, then in the body, less than a second later
SEEN
