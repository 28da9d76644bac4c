"""The folder to copy: it serves the routes of a Flask app only to requests with a good access token.

It needs Flask and PyJWT[crypto], and imports only its own modules. Start to read at protect.py.
"""

from .access_token import AccessToken
from .authorization import require_scope
from .protect import protect

__all__ = ["AccessToken", "protect", "require_scope"]
