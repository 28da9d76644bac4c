"""What the command line of gunicorn cannot say; it reads this file from the folder it is started in."""

logger_class = "auth_server.logs.GunicornLogger"
forwarded_allow_ips = ""  # from loopback too, a SCRIPT_NAME header is a stranger's
