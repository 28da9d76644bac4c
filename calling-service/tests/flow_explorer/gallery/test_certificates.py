"""The certificates of the gallery: the job's own, one that somebody else has made, and none."""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calling_service.oauth_client.token_source import TokenError
from flow_explorer.gallery.certificates import ANOTHER, ELSEWHERE, OWN, Certificates
from flow_explorer.servers import Servers
from werkzeug.wrappers import Response

FILES = (Path("/run/certificate/tls.crt"), Path("/run/certificate/tls.key"))
URL = "http://127.0.0.1:1"


def servers(url: str = URL, certificate: tuple[Path, Path] | None = FILES) -> Servers:
    return Servers(url, url, url, url, Path("/run"), (1.0, 1.0), certificate=certificate)


@pytest.fixture
def certificates() -> Iterator[Certificates]:
    certificates = Certificates(servers())
    yield certificates
    certificates.close()


def test_the_client_presents_its_own_certificate(certificates: Certificates) -> None:
    own = {"cert": ("/run/certificate/tls.crt", "/run/certificate/tls.key")}
    assert certificates.of_token_request() == own
    assert certificates.of_call(OWN) == own


def test_the_thief_has_another_one_which_is_deleted_in_the_end(certificates: Certificates) -> None:
    file = certificates.of_call(ANOTHER)["cert"]
    ssl.create_default_context().load_cert_chain(file)
    certificates.close()
    assert not Path(file).exists()


def test_a_call_from_elsewhere_has_none(certificates: Certificates) -> None:
    assert certificates.of_call(ELSEWHERE) == {}


def test_a_job_without_a_certificate_cannot_play_these_cases() -> None:
    with pytest.raises(LookupError):
        Certificates(servers(certificate=None)).of_token_request()


def test_the_token_endpoint_is_the_one_for_clients_with_a_certificate(serve: Any) -> None:
    """RFC 8705 5."""
    told: dict[str, Any] = {"mtls_endpoint_aliases": {"token_endpoint": "https://mtls.as.example/token"}}

    def metadata(request: Any) -> Any:
        return Response(json.dumps({"issuer": request.host_url.rstrip("/"), **told}))

    url = serve(metadata)
    assert Certificates(servers(url)).token_url() == "https://mtls.as.example/token"
    with pytest.raises(TokenError):
        Certificates(servers()).token_url()
