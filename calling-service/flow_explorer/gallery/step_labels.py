"""What each request of a case does, in words: the labels of the steps that a recorded case shows."""

import requests
from recording.exchange import Step
from recording.story import AUTHORIZATION_SERVER

from flow_explorer.gallery.case import Ask, Call, CaseStep, Read, Revoke


class StepLabels:
    """Labels the requests of one case and numbers them; the same request again keeps its number."""

    def __init__(self) -> None:
        self.last = ""  # label of the current case step
        self.prefix = ""
        self.holder = "Somebody"  # the client that was issued the token
        self._step: CaseStep = Read("")
        self._number = 0

    def begin(self, step: CaseStep) -> None:
        """Label the requests from here on as those of this step."""
        self._step = step
        self.last = ""

    def label(
        self, receiver: str, _request: requests.PreparedRequest, response: requests.Response | None
    ) -> tuple[Step, ...]:
        """Return the step that a request to this receiver shows."""
        label = self.prefix + self._text(receiver, response)
        if label != self.last:
            self._number += 1
            self.last = label
        return (Step(self._number, label, ("request", "response")),)

    def _text(self, receiver: str, response: requests.Response | None) -> str:
        match self._step:
            case Ask(ask=client, how=how):
                text = f"{client} asks for an access token {how}"
            case Revoke(revoke=client):
                text = f"{client} revokes its token"
            case Read():
                text = "Anybody may read the authorization server's public keys"
            case Call(client=client) if client and receiver == AUTHORIZATION_SERVER:
                text = f"{client} has no token, asks for one and keeps it"
            case Call(client=client) if client and self.last:
                text = f"{client} calls the API with it"
            case Call(client=client) if client:
                text = f"{client} calls the API with the token that it has kept"
            case call:
                text = f"{self.holder} calls the API {call.how}"
                if response is not None and response.status_code == call.until:
                    text += ", once more"
        return text
