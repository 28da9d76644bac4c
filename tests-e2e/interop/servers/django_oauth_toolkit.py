"""django-oauth-toolkit as the authorization server of one client and one API.

The environment variable CONFIGURATION is JSON: host, port, audience, scope, client (as in RFC 7591 2),
api (the API as a client) and a folder for files.
"""

import json
import os
import time
import uuid
from pathlib import Path

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management import call_command
from django.urls import include, path
from jwcrypto import jwk, jwt

CONFIGURATION = json.loads(os.environ["CONFIGURATION"])
CLIENT = CONFIGURATION["client"]
ORIGIN = f"http://{CONFIGURATION['host']}:{CONFIGURATION['port']}"
PEM = rsa.generate_private_key(65537, 2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


# recipe begins
# The key set has the key of OIDC_RSA_PRIVATE_KEY, whose thumbprint is its `kid`.
def access_token(request):
    key = jwk.JWK.from_pem(settings.OAUTH2_PROVIDER["OIDC_RSA_PRIVATE_KEY"].encode())
    now = int(time.time())
    claims = {
        "iss": settings.OAUTH2_PROVIDER["OIDC_ISS_ENDPOINT"],
        "aud": settings.API_IDENTIFIER,
        "sub": request.client.client_id,
        "client_id": request.client.client_id,
        "iat": now,
        "exp": now + settings.OAUTH2_PROVIDER["ACCESS_TOKEN_EXPIRE_SECONDS"],
        "jti": str(uuid.uuid4()),
        "scope": " ".join(request.scopes),
    }
    header = {"typ": "at+jwt", "alg": "RS256", "kid": key.thumbprint()}
    token = jwt.JWT(header=header, claims=claims)
    token.make_signed_token(key)
    return token.serialize()


# recipe ends
urlpatterns = []


def main() -> None:
    """Make the database and the client, and serve."""
    settings.configure(
        ALLOWED_HOSTS=["*"],
        API_IDENTIFIER=CONFIGURATION["audience"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": Path(CONFIGURATION["folder"]) / "django.db",
            }
        },
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
        OAUTH2_PROVIDER={
            "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
            "ACCESS_TOKEN_GENERATOR": access_token,
            "OIDC_ENABLED": True,
            "OIDC_ISS_ENDPOINT": ORIGIN,
            "OIDC_RSA_PRIVATE_KEY": PEM.decode(),
            "SCOPES": {scope: scope for scope in CONFIGURATION["scope"].split()},
        },
        ROOT_URLCONF=__name__,
        SECRET_KEY=os.urandom(32).hex(),
        USE_TZ=True,
    )
    django.setup()
    urlpatterns.append(path("", include("oauth2_provider.urls", namespace="oauth2_provider")))
    call_command("migrate", verbosity=0)
    from oauth2_provider.models import Application  # noqa: PLC0415  (Django must be set up first)

    Application.objects.create(
        name="job",
        client_id=CLIENT["client_id"],
        client_secret=CLIENT["client_secret"],
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        algorithm=Application.RS256_ALGORITHM,
    )
    call_command("runserver", f"{CONFIGURATION['host']}:{CONFIGURATION['port']}", use_reloader=False)


if __name__ == "__main__":
    main()
