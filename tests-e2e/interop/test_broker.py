"""The broker lets in who has a token that the API takes."""

import socket
import struct

import pytest

from interop.broker import API_VERSIONS, METADATA, SASL_AUTHENTICATE, SASL_HANDSHAKE, Broker
from interop.played import API_PATH, ORIGINS, Played
from interop.recorder import Recorder


def ask(connection: socket.socket, key: int, version: int = 0, body: bytes = b"") -> bytes:
    """Send a request; return the body of the answer."""
    request = struct.pack(">hhih", key, version, 7, -1) + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    answer = connection.makefile("rb")
    size, correlation = struct.unpack(">ii", answer.read(8))
    assert correlation == 7
    return answer.read(size - 4)


@pytest.mark.parametrize(("refused", "error"), [(False, 0), (True, 58)])
def test_the_broker_asks_the_api_about_a_token(refused: bool, error: int) -> None:
    played = Played()
    with Recorder(ORIGINS, played.answer) as recorder:
        played.url = recorder.url
        with Broker(recorder.url["api"] + API_PATH) as broker:
            if refused:
                played.refuse("a-token")
            with socket.create_connection(("127.0.0.1", broker.port), 5) as connection:
                assert ask(connection, API_VERSIONS, 3)[:2] == b"\0\x23"  # unsupported: ask by version 0
                assert ask(connection, API_VERSIONS)[:2] == b"\0\0"
                assert b"OAUTHBEARER" in ask(connection, SASL_HANDSHAKE, 1)
                login = b"n,,\x01auth=Bearer a-token\x01\x01"
                answer = ask(connection, SASL_AUTHENTICATE, body=struct.pack(">i", len(login)) + login)
                assert struct.unpack(">h", answer[:2])[0] == error
                assert b"127.0.0.1" in ask(connection, METADATA, 1)
        assert [call.authorization for call in recorder.of("api")] == ["Bearer a-token"]
