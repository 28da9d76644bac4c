"""A client program that talks to a play, and what it has sent."""

from dataclasses import dataclass

from interop.client_program import ClientProgram
from interop.played import Played
from interop.recorder import Recorder, Request

SECRET = "odd%41 +/:=&-0123456789abcdefghijklmnopqrstuvwxyz"  # differs when it is encoded, or encoded twice
EXPIRED = (1, 2.2)  # a token of a second, and an answer that takes longer: libraries round times to seconds
OK = {"status": 200}


@dataclass
class Trial:
    """One client program, and the play that it talks to."""

    program: ClientProgram
    played: Played
    recorder: Recorder
    start: int = 0

    def cold(self) -> None:
        """Let the trial forget what it saw, and the client its token; some ask for another at once."""
        self.mark()
        self.program.new()

    def mark(self) -> None:
        """Forget what was seen."""
        self.start = len(self.recorder.requests)

    @property
    def seen(self) -> list[Request]:
        """Return all requests since the mark."""
        return self.recorder.requests[self.start :]

    @property
    def token_calls(self) -> list[Request]:
        """Return the requests to the token endpoint since the mark."""
        return [one for one in self.seen if one.path == "/oauth/token"]

    @property
    def api_calls(self) -> list[Request]:
        """Return the calls with a token since the mark."""
        return [one for one in self.seen if one.origin == "api" and one.authorization]

    def first_call(self, expires_in: int, seconds: float = 0) -> None:
        """From cold, make a call with a token of this lifetime; the API takes some seconds to answer."""
        self.played.expires_in = expires_in
        self.played.api_seconds = seconds
        self.cold()
        self.program.call()
        self.played.expires_in = 3600
        self.played.api_seconds = 0
        self.mark()

    def asks_again(self, expires_in: int, seconds: float = 0) -> bool:
        """Return whether the call after the first one asks for a token."""
        self.first_call(expires_in, seconds)
        self.program.call()
        return bool(self.token_calls)
