from wsgiref.simple_server import make_server

import django
import jwt
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, PORT, SCOPE

# recipe begins
SIMPLE_JWT = {"ALGORITHM": ALGORITHM, "JWK_URL": JWKS_URI, "TOKEN_TYPE_CLAIM": None, "USER_ID_CLAIM": "sub"}
SIMPLE_JWT |= {"AUDIENCE": AUDIENCE, "ISSUER": ISSUER, "LEEWAY": 60}
# recipe ends

if DEFAULTS:
    for name in ("AUDIENCE", "ISSUER", "LEEWAY"):
        del SIMPLE_JWT[name]
settings.configure(
    SECRET_KEY="of-no-use-here-but-demanded-by-django",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    SIMPLE_JWT=SIMPLE_JWT,
)
django.setup()

from django.urls import path
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken


# recipe begins
class AccessTokenAuthentication(JWTStatelessUserAuthentication):
    def get_validated_token(self, raw_token):
        token = super().get_validated_token(raw_token)
        if jwt.get_unverified_header(raw_token).get("typ") != "at+jwt":
            raise InvalidToken
        return token


class HasScope(BasePermission):
    def has_permission(self, request, view):
        return bool(request.auth) and SCOPE in request.auth.get("scope", "").split()


# recipe ends


class Timesheets(APIView):
    authentication_classes = [JWTStatelessUserAuthentication if DEFAULTS else AccessTokenAuthentication]
    permission_classes = [HasScope]

    def get(self, request):
        return Response({"timesheets": []})


urlpatterns = [path("timesheets", Timesheets.as_view())]
make_server("127.0.0.1", PORT, get_wsgi_application()).serve_forever()
