"""Why a request is not served. Not here: the answers (authorization.py)."""


class RefusalError(Exception):
    """A check refuses the request (RFC 6750 3.1). The message is fixed, and quotes nothing of the token."""

    def __init__(
        self, reason: str, check: str = "", status: int = 401, error: str = "invalid_token", **more: str
    ) -> None:
        super().__init__(reason)
        self.check = check
        self.status = status
        self.members: dict[str, str] = {}  # of the body
        if error:  # a request without a token gets none
            self.members = {"error": error, "error_description": reason, **more}
        self.challenge = dict(self.members)  # its parameters; authorization.py adds more
        self.scheme = ""  # the only one whose challenge says this; empty: all
        self.headers: dict[str, str] = {}  # more of the answer


class UnavailableError(Exception):
    """A check cannot be made now. The message says why; only the log shows it."""

    def __init__(self, reason: str, check: str = "") -> None:
        super().__init__(reason)
        self.check = check
