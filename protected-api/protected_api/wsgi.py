"""What gunicorn serves: the app, built from the environment; the one module that reads it."""

import os
import sys

from protected_api.app import create_app, settings_from
from protected_api.logs import configure_logs
from protected_api.settings import SettingsError

try:
    settings = settings_from(os.environ)
except SettingsError as error:
    lines = (f"protected-api: cannot start, {len(error.problems)} problem(s):", *error.problems)
    sys.stderr.write("\n  - ".join(lines) + "\n")
    sys.exit(1)
configure_logs(settings.log_level)
app = create_app(settings)
