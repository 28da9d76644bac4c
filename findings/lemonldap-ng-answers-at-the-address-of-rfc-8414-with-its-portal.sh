#!/bin/sh
# LemonLDAP::NG 2.21.2 (Debian 13): /.well-known/oauth-authorization-server answers 200, with a page for people.
#
# It publishes its metadata at /.well-known/openid-configuration alone. One would expect 404 at the address of RFC 8414,
# and a client that asks there first to go on to the other one. But the portal answers every path that it does not know
# with its page for signing in: status 200, text/html. A client that goes on only after a 404 stops there, and says that
# the metadata is no JSON. Go on after any answer that is not a JSON object with the right issuer.
#
# Needs Docker. Seen with liblemonldap-ng-portal-perl 2.21.2+ds-1+deb13u4:
#   /.well-known/openid-configuration: 200 application/json
#   /.well-known/oauth-authorization-server: 200 text/html
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/portal.py" <<'PYTHON'
import json
import subprocess
import time
import urllib.request
from pathlib import Path

changes = {
    "domain": "localhost",
    "portal": "http://localhost:5000/",
    "captcha_mail_enabled": 0,
    "captcha_register_enabled": 0,
    "authentication": "Demo",
    "userDB": "Same",
    "issuerDBOpenIDConnectActivation": 1,
    "oidcServiceMetaDataIssuer": "http://localhost:5000",
}
file = Path("/var/lib/lemonldap-ng/conf/lmConf-1.json")
file.write_text(json.dumps(json.loads(file.read_text()) | changes))
psgi = "/usr/share/lemonldap-ng/portal/htdocs/index.psgi"
portal = subprocess.Popen(["plackup", "--port", "5000", psgi], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def get(path):
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://localhost:5000{path}") as answer:
                return f"{answer.status} {answer.headers.get_content_type()}"
        except urllib.error.HTTPError as error:
            return str(error.code)
        except OSError:
            time.sleep(0.1)


for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
    print(f"{path}: {get(path)}")
portal.terminate()
PYTHON
cat >"$folder/Dockerfile" <<'DOCKERFILE'
FROM python:3.13-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
    liblemonldap-ng-portal-perl=2.21.2+ds-1+deb13u4 libplack-perl
COPY portal.py /
DOCKERFILE
image=$(docker build --quiet "$folder")
docker run --rm --init "$image" python3 /portal.py | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
/.well-known/openid-configuration: 200 application/json
/.well-known/oauth-authorization-server: 200 text/html
SEEN
