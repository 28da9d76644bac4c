#!/bin/sh
# django-oauth-toolkit 3.4.1: an application's algorithm RS256 and a published key set do not make its access tokens JWTs.
#
# With OIDC_ENABLED and OIDC_RSA_PRIVATE_KEY, the metadata names a jwks_uri, the key set has an RS256 key, and each
# application has an `algorithm`. One would take it for the algorithm of the application's access tokens. It is that of
# ID tokens alone: access tokens are 30 random characters, whichever algorithm is chosen, and no setting makes them JWTs.
# ACCESS_TOKEN_GENERATOR, a function that gets the request, does; or let the API introspect.
#
# Seen on CPython 3.11 with django-oauth-toolkit 3.4.1 and Django 5.2.19:
#   the key set has 1 key, for RS256
#   application with algorithm 'RS256': an access token of 1 part, 30 characters
#   application with algorithm '': an access token of 1 part, 30 characters
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-oauth-toolkit==3.4.1 django==5.2.19
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/seen"
import django
from django.conf import settings
from jwcrypto import jwk

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": jwk.JWK.generate(kty="RSA", size=2048).export_to_pem(True, None).decode(),
        "SCOPES": {"read:timesheets": "Read timesheets"},
    },
    ROOT_URLCONF="__main__",
    SECRET_KEY="of this run",
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command
from django.test import Client
from django.urls import include, path
from oauth2_provider.models import Application

urlpatterns = [path("", include("oauth2_provider.urls", namespace="oauth2_provider"))]
call_command("migrate", verbosity=0)
metadata = Client().get("/.well-known/oauth-authorization-server").json()
[key] = Client().get(metadata["jwks_uri"]).json()["keys"]
print(f"the key set has 1 key, for {key['alg']}")
for algorithm in ("RS256", ""):
    Application.objects.create(
        client_id=f"job{algorithm}",
        client_secret="a-secret",
        client_type="confidential",
        authorization_grant_type="client-credentials",
        algorithm=algorithm,
    )
    form = {"grant_type": "client_credentials", "client_id": f"job{algorithm}", "client_secret": "a-secret"}
    token = Client().post("/token/", form).json()["access_token"]
    parts = len(token.split("."))
    print(f"application with algorithm {algorithm!r}: an access token of {parts} part, {len(token)} characters")
PYTHON
diff "$folder/seen" - <<'SEEN'
the key set has 1 key, for RS256
application with algorithm 'RS256': an access token of 1 part, 30 characters
application with algorithm '': an access token of 1 part, 30 characters
SEEN
