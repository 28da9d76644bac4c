"""The service of the web application: with the flow explorer where EXPLAIN=1."""

from dataclasses import replace

import requests
from flow_explorer.explorer import Explorer
from flow_explorer.page.booked_timesheets import TIMEOUT

from calling_service.oauth_client.tls_client_certificate import present
from calling_service.service import Service, build, servers_of
from calling_service.settings import Settings


def build_web(settings: Settings) -> Service:
    """Return the service, nothing started; raise SettingsError if its database cannot be used."""
    service = build(settings)
    if not settings.explain:
        return service
    # Its own tokens and connections: what the page reads is not part of a run, and no run waits for it.
    tokens = replace(service.tokens, session=_session(settings), timeout=TIMEOUT, retries=0)
    explorer = Explorer(
        servers=servers_of(settings),
        history=service.history,
        runner=service.runner,
        record=service.runner.record,
        tokens=tokens,
        token_facts=service.token_facts,
    )
    service.connections.callback(explorer.close)
    return replace(service, explorer=explorer)


def _session(settings: Settings) -> requests.Session:
    session = requests.Session()
    if settings.ca_file:
        session.verify = str(settings.ca_file)
    if settings.certificate_key_file:
        present(session, settings.credential_file, settings.certificate_key_file)
    return session
