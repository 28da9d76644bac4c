"""The four steps of the flow as this service tells them: who takes part, and which exchange shows which step.

The labels travel with each recorded exchange; whoever shows a run has none of its own.
"""

import requests

from recording.exchange import Step

JOB, AUTHORIZATION_SERVER, API = "Timesheets Import Job", "Authorization Server", "Timesheets API"
CALLING_SERVICE = "Calling Service"  # which in the gallery is one client after the other

DISCOVERY = (Step(0, "The job asks for the authorization server's metadata", ("request", "response")),)
TOKEN = (
    Step(
        1, "The job authenticates at the token endpoint with its client id and its credential", ("request",)
    ),
    Step(2, "The authorization server validates them: this client, this API, these scopes", ()),
    Step(3, "The authorization server answers with an access token", ("response",)),
)
REFUSED = (*TOKEN[:2], Step(3, "The authorization server answers without an access token", ("response",)))
UNANSWERED = (TOKEN[0], Step(3, "The authorization server does not answer", ("response",)))
CALL = (Step(4, "The job calls the API with the token, on behalf of itself", ("request", "response")),)


def of_authorization_server(
    request: requests.PreparedRequest, response: requests.Response | None
) -> tuple[Step, ...]:
    """Return the steps that a call to the authorization server shows."""
    if request.method != "POST":
        return DISCOVERY
    if response is None:
        return UNANSWERED
    return TOKEN if response.ok else REFUSED


def of_api(_request: requests.PreparedRequest, _response: requests.Response | None) -> tuple[Step, ...]:
    """Return the step that a call to the API shows."""
    return CALL
