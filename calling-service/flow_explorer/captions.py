"""What the items of a diagram say of an exchange: its request, the checks, its response."""

from recording.exchange import Exchange
from recording.story import API

from flow_explorer.answers import outcome
from flow_explorer.words import short_tokens


def request_caption(exchange: Exchange) -> str:
    """Return the method and the path, each token in it shortened."""
    return short_tokens(exchange.request.start_line).removesuffix(" HTTP/1.1")


def checks_caption(exchange: Exchange) -> str:
    """Return the check that failed, or the step that the checks show, or that all of them passed."""
    if failed := exchange.failed_check:
        return f"Refused at the check “{failed.name.replace('-', ' ')}”"
    for step in exchange.steps:
        if not step.shows:
            return step.label
    if exchange.receiver == API and exchange.request.token:
        return "The token passes every check"
    return "Every check passes"


def response_caption(exchange: Exchange) -> str:
    """Return the status with what the token is for, or with the error code; or why there is no response."""
    answer = exchange.answer.removeprefix("HTTP/1.1 ")
    if exchange.response and exchange.response.token:
        claims = exchange.response.token.payload
        return f"{answer}, a token for {claims.get('aud')} with {claims.get('scope')}"
    if error := outcome(exchange).error:
        return f"{answer}, {error}"
    return answer
