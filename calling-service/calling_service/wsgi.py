"""The application that gunicorn serves; this module and the command line alone read the environment."""

import os

from calling_service.app import create_app
from calling_service.logs import configure_logs
from calling_service.service import LOGGED, build_or_exit
from calling_service.web import build_web

service = build_or_exit(os.environ, build_web)
configure_logs(service.settings.log_level, LOGGED)
app = create_app(service)
