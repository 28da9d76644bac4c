"""The four steps of the flow: who takes part, and which exchange shows which step.

Each recorded exchange carries its labels, so that what shows a run needs no labels of its own.
"""

import requests

from recording.exchange import Step

JOB = "Timesheets Import Job"
AUTHORIZATION_SERVER = "Authorization Server"
API = "Timesheets API"
CALLING_SERVICE = "Calling Service"  # in the gallery, where it acts as several clients

DISCOVERY = (Step(0, "The job asks for the authorization server's metadata", ("request", "response")),)
AUTHENTICATION = Step(
    1, "The job authenticates at the token endpoint with its client id and its credential", ("request",)
)
VALIDATION = Step(2, "The authorization server validates them: this client, this API, these scopes", ())
TOKEN = Step(3, "The authorization server answers with an access token", ("response",))
NO_TOKEN = Step(3, "The authorization server answers without an access token", ("response",))
NO_ANSWER = Step(3, "The authorization server does not answer", ("response",))
CALL = (Step(4, "The job calls the API with the token, on behalf of itself", ("request", "response")),)


def of_authorization_server(
    request: requests.PreparedRequest, response: requests.Response | None
) -> tuple[Step, ...]:
    """Return the steps that a call to the authorization server shows."""
    if request.method != "POST":
        return DISCOVERY
    if response is None:
        return AUTHENTICATION, NO_ANSWER
    if response.ok:
        return AUTHENTICATION, VALIDATION, TOKEN
    return AUTHENTICATION, VALIDATION, NO_TOKEN


def of_api(_request: requests.PreparedRequest, _response: requests.Response | None) -> tuple[Step, ...]:
    """Return the step that a call to the API shows."""
    return CALL
