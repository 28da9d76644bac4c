"""The app for an ASGI server: `uvicorn mcp_server.asgi:app`. This module alone reads the environment."""

import os
import sys

from mcp_server.call_log import configure_logs
from mcp_server.server import create_app
from mcp_server.settings import Settings, SettingsError
from mcp_server.timesheets_api import open_api

try:
    settings = Settings.from_environ(os.environ)
except SettingsError as error:
    sys.exit(str(error))
configure_logs()
app = create_app(settings, open_api(settings))
