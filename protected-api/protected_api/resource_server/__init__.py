"""Let an issuer's access tokens into a Flask app: the folder to copy.

It imports nothing of ours but its own modules.
"""

from .protect import protect, require_scope

__all__ = ["protect", "require_scope"]
