"""Canaille, in memory, as the server of one client and one API; CONFIGURATION is as in the other programs."""

import json
import os

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend

CONFIGURATION = json.loads(os.environ["CONFIGURATION"])
CLIENT = CONFIGURATION["client"]
SERVER_NAME = f"{CONFIGURATION['host']}:{CONFIGURATION['port']}"
app = create_app(
    {
        "SECRET_KEY": os.urandom(32).hex(),
        "SERVER_NAME": SERVER_NAME,
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory"},
        "CANAILLE_OIDC": {},
    }
)
with app.app_context():
    # recipe begins
    api = models.Client(
        client_id=CONFIGURATION["api"]["client_id"],
        client_secret=CONFIGURATION["api"]["client_secret"],
        client_name="api",
        grant_types=[],
        token_endpoint_auth_method="client_secret_basic",
    )
    Backend.instance.save(api)
    job = models.Client(
        client_id=CLIENT["client_id"],
        client_secret=CLIENT["client_secret"],
        client_name="job",
        grant_types=["client_credentials"],
        scope=CONFIGURATION["scope"].split(),
        audience=[api],  # only a client of the audience may introspect the token
        token_endpoint_auth_method="client_secret_basic",
    )
    Backend.instance.save(job)
    # recipe ends
app.run(CONFIGURATION["host"], CONFIGURATION["port"])
