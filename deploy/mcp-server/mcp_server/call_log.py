"""One JSON line for each call of a tool: which client called, with which token; never the token itself."""

import json
import logging
import sys
import time
from typing import Any

from fastmcp.server.dependencies import get_access_token

LONGEST_NAME = 100  # characters that are logged of what the caller sends
log = logging.getLogger(__name__)


async def log_call(context: Any, call_next: Any) -> Any:
    """Log who calls a tool: the API behind sees this server alone. It is a middleware of FastMCP."""
    if context.method == "tools/call":
        caller = get_access_token().claims
        who = {"client_id": caller["client_id"], "jti": caller["jti"]}
        tool = getattr(context.message, "name", "")  # a malformed call has none, and is refused later
        log.info("tool asked for", extra={"fields": {"tool": tool[:LONGEST_NAME], **who}})
    return await call_next(context)


class JsonLines(logging.Formatter):
    """Formats a record as one JSON line, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "service": "mcp-server",
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_logs() -> None:
    """Log from INFO up what this package says, and why FastMCP refuses a token; others from WARNING up."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    for package in (str(__package__), "fastmcp"):
        logger = logging.getLogger(package)
        logger.handlers = []  # FastMCP's own draws tables
        logger.propagate = True
        logger.setLevel(logging.INFO)
