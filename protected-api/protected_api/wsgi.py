"""What gunicorn serves: the app, built from the environment; the one module that reads it."""

import os
import sys

from .app import create_app
from .logs import configure_logs
from .settings import Settings, SettingsError

try:
    settings = Settings.from_environ(os.environ)
    app = create_app(settings)
except SettingsError as error:
    lines = (f"protected-api: cannot start, {len(error.problems)} problem(s):", *error.problems)
    sys.stderr.write("\n  - ".join(lines) + "\n")
    sys.exit(1)
configure_logs(settings.log_level)
