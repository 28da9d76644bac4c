from pathlib import Path

from flow_explorer.servers import Servers


def test_the_public_addresses_are_the_ones_that_the_servers_are_known_by() -> None:
    servers = Servers(
        issuer="http://localhost:9000",
        issuer_url="http://auth-server:9000",
        api_url="http://protected-api:9001",
        audience="http://localhost:9001",
        credentials=Path("/run/secrets"),
        timeout=(3, 10),
    )
    assert servers.public_addresses() == {
        "http://auth-server:9000": "http://localhost:9000",
        "http://protected-api:9001": "http://localhost:9001",
    }
