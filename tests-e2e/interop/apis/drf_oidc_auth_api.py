from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, PORT, SCOPE


class Client:
    """The user of a request that no person makes."""

    is_authenticated = True

    def __init__(self, request, claims):
        self.client_id = claims["client_id"]


# recipe begins
rules = {"aud": {"essential": True, "value": AUDIENCE}, "typ": {"essential": True, "value": "at+jwt"}}
OIDC_AUTH = {"OIDC_ENDPOINT": ISSUER, "OIDC_CLAIMS_OPTIONS": rules, "OIDC_RESOLVE_USER_FUNCTION": Client}
OIDC_AUTH |= {"OIDC_JWKS_EXPIRATION_TIME": 300, "JWT_ALGORITHMS": [ALGORITHM]}
OIDC_AUTH["JWT_AUTH_HEADER_PREFIX"] = "Bearer"
# recipe ends

AS_DOCUMENTED = {
    "OIDC_ENDPOINT": ISSUER,
    "OIDC_CLAIMS_OPTIONS": {"aud": {"values": [AUDIENCE], "essential": True}},
    "JWT_ALGORITHMS": [ALGORITHM],
    "JWT_AUTH_HEADER_PREFIX": "Bearer",  # without it, none of our tokens is read
    "OIDC_RESOLVE_USER_FUNCTION": Client,  # without it, each client needs a user of its name
}
settings.configure(
    SECRET_KEY="of-no-use-here-but-demanded-by-django",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    OIDC_AUTH=AS_DOCUMENTED if DEFAULTS else OIDC_AUTH,
)
django.setup()

from django.urls import path
from oidc_auth.authentication import JSONWebTokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.views import APIView


# recipe begins
class AccessTokenAuthentication(JSONWebTokenAuthentication):
    def decode_jwt(self, token):
        claims = super().decode_jwt(token)
        return claims | {"typ": jws.extract_compact(token).headers().get("typ")}

    def validate_claims(self, claims):  # its own refuses tokens that were issued more than ten minutes ago
        try:
            JWTClaimsRegistry(leeway=60, exp={"essential": True}, **self.claims_options).validate(claims)
        except JoseError as error:
            raise AuthenticationFailed from error

    def authenticate_header(self, request):
        return "Bearer"


# recipe ends


class HasScope(BasePermission):
    def has_permission(self, request, view):
        return bool(request.auth) and SCOPE in request.auth.get("scope", "").split()


class Timesheets(APIView):
    authentication_classes = [JSONWebTokenAuthentication if DEFAULTS else AccessTokenAuthentication]
    permission_classes = [HasScope]

    def get(self, request):
        return Response({"timesheets": []})


urlpatterns = [path("timesheets", Timesheets.as_view())]
make_server("127.0.0.1", PORT, get_wsgi_application()).serve_forever()
