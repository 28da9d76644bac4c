"""What gunicorn serves: the app, built from the environment; the one module that reads it."""

import os
import sys

from .app import create_app, settings_from
from .logs import configure_logs
from .settings import SettingsError

try:
    settings = settings_from(os.environ)
except SettingsError as error:
    lines = (f"protected-api: cannot start, {len(error.problems)} problem(s):", *error.problems)
    sys.stderr.write("\n  - ".join(lines) + "\n")
    sys.exit(1)
configure_logs(settings.log_level)
app = create_app(settings)
