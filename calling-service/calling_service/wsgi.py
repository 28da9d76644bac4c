"""What gunicorn serves; with the CLI the only reader of the environment."""

import os
import sys

from calling_service import logs
from calling_service.app import create_app
from calling_service.service import build
from calling_service.settings import Settings, SettingsError

try:
    service = build(Settings.from_environ(os.environ))
except SettingsError as error:
    print(error, file=sys.stderr)  # noqa: T201  # before there is a log
    sys.exit(1)

logs.configure(service.settings.log_level, sys.stdout)
app = create_app(service)
