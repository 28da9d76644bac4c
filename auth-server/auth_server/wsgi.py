"""The entry point of gunicorn and of the flask command, and the only reader of the environment."""

import gc
import os
import sys

from auth_server.app import Certificates, Federation, create_app
from auth_server.logs import configure_logs
from auth_server.settings import BY_COMMAND
from auth_server.settings_reader import SettingsError
from auth_server.startup import open_service, without_tenant
from auth_server.tenant_at_start import apply_or_compare

try:
    service = open_service(os.environ)
    configure_logs(service.settings.log_level)
    # Flask sets this for its command, where the operator runs `tenant apply` or does not.
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
        apply_or_compare(service)
        service = without_tenant(service)
except SettingsError as error:
    sys.exit(str(error))

federation: Federation | None = None
# Otherwise nothing of it is loaded. A file that is not applied does not say what the database has.
if service.declared.federated_subjects or service.settings.tenant_apply == BY_COMMAND:
    from auth_server.protocol.federated_assertion import federated_clients

    federation = federated_clients
certificates: Certificates | None = None
if service.settings.mtls:
    from auth_server.protocol.client_certificate import client_certificates

    certificates = client_certificates
app = create_app(service, federation, certificates)

# Gunicorn forks its workers now. They must not share a connection to the database. The garbage collector
# leaves alone what exists before the fork, so that the workers keep sharing its memory.
service.engine.dispose()
gc.freeze()
