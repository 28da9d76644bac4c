"""What gunicorn serves: the app, built from the environment, which no other module reads."""

import gc
import os
import sys

from protected_api.app import create_app
from protected_api.logs import configure_logs
from protected_api.settings import Settings
from protected_api.settings_reader import SettingsError

try:
    settings = Settings.from_environ(os.environ)
except SettingsError as error:
    sys.exit(str(error))
configure_logs(settings.log_level)
app = create_app(settings)

# Gunicorn forks its workers now. The garbage collector leaves alone what exists before the fork, so that the
# workers keep sharing its memory.
gc.freeze()
