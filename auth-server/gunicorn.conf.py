"""Settings of gunicorn that have no command line option; it reads this file in its working directory."""

logger_class = "auth_server.logs.GunicornLogger"
forwarded_allow_ips = ""  # do not trust a SCRIPT_NAME header, not even from loopback
