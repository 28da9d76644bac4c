import os
from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from serving import DEFAULTS, ISSUER, PORT, SCOPE

INTROSPECTION_URL = f"{ISSUER}/oauth/introspect"
INTROSPECTION_CLIENT = ("timesheets-api", os.environ["INTROSPECTION_SECRET"])  # named in introspected_by

# recipe begins
OAUTH2_PROVIDER = {
    "RESOURCE_SERVER_INTROSPECTION_URL": INTROSPECTION_URL,
    "RESOURCE_SERVER_INTROSPECTION_CREDENTIALS": INTROSPECTION_CLIENT,  # its id and its secret
    "RESOURCE_SERVER_TOKEN_CACHING_SECONDS": 5,  # otherwise one answer counts for ten hours
}
# recipe ends

if DEFAULTS:
    del OAUTH2_PROVIDER["RESOURCE_SERVER_TOKEN_CACHING_SECONDS"]
settings.configure(
    SECRET_KEY="of-no-use-here-but-demanded-by-django",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "oauth2_provider",
        "rest_framework",
    ],
    MIGRATION_MODULES={"auth": None, "contenttypes": None, "oauth2_provider": None},  # faster
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    OAUTH2_PROVIDER=OAUTH2_PROVIDER,
)
django.setup()

from django.core.management import call_command
from django.urls import path
from oauth2_provider.contrib.rest_framework import OAuth2Authentication, TokenHasScope
from rest_framework.response import Response
from rest_framework.views import APIView


# recipe begins
class Timesheets(APIView):
    authentication_classes = [OAuth2Authentication]
    permission_classes = [TokenHasScope]
    required_scopes = [SCOPE]
    # recipe ends

    def get(self, request):
        return Response({"timesheets": []})


urlpatterns = [path("timesheets", Timesheets.as_view())]
call_command("migrate", run_syncdb=True, verbosity=0)
make_server("127.0.0.1", PORT, get_wsgi_application()).serve_forever()
