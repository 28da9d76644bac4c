import json

import pytest
from flow_explorer.page.wire import Line, lines
from hypothesis import given
from hypothesis import strategies as st
from recording.exchange import Message


def message(start_line: str, body: str = "", *headers: tuple[str, str]) -> Message:
    return Message(start_line, headers, body, len(body), body_shortened=False, token=None)


def meant(line: Line) -> tuple[str, str | None]:
    return line.name, line.meaning.source if line.meaning else None


def test_each_part_of_a_token_request_says_what_it_is_for() -> None:
    headers = [("Host", "a"), ("Authorization", "Basic x"), ("X-Own", "1")]
    form = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
    body = "grant_type=client_credentials&client%5Fid=a&own=1"
    assert [
        meant(line) for line in lines(message("POST /oauth/token?x=1 HTTP/1.1", body, *headers, form))
    ] == [
        ("POST", "RFC 6749 3.2"),
        ("Host", "RFC 9110 7.2"),
        ("Authorization", "RFC 6749 2.3.1"),
        ("X-Own", None),
        ("Content-Type", "RFC 9110 8.3"),
        ("", None),
        ("grant_type", "RFC 6749 4.4.2"),
        ("client%5Fid", "RFC 6749 2.2"),
        ("own", None),
    ]


def test_each_part_of_an_answer_says_what_it_is_for() -> None:
    challenge = ("WWW-Authenticate", 'Bearer realm="x"')
    body = '{"error": "invalid_token", "own": {"a": [1, 2], "b": ","}, "detail": "x"}'
    found = list(
        lines(
            message(
                "HTTP/1.1 401 UNAUTHORIZED", body, challenge, ("Content-Type", "application/problem+json")
            )
        )
    )
    assert [meant(line) for line in found] == [
        ("401", "RFC 9110 15.5.2"),
        ("WWW-Authenticate", "RFC 6750 3"),
        ("Content-Type", "RFC 9110 8.3"),
        ("", None),
        ("error", "RFC 6749 5.2"),
        ("own", None),
        ("detail", "RFC 9457 3.1.4"),
    ]


def test_the_path_of_any_timesheet_has_the_same_meaning() -> None:
    (line,) = lines(message("DELETE /timesheets/12 HTTP/1.1"))
    assert line.meaning
    assert line.meaning.text.startswith("One timesheet.")


def test_the_scheme_decides_what_an_authorization_header_means() -> None:
    bearer = message("GET / HTTP/1.1", "", ("authorization", "BEARER x"))
    assert meant(list(lines(bearer))[1]) == ("authorization", "RFC 6750 2.1")


@pytest.mark.parametrize("start_line", ["HTTP/1.1 299 ODD", "HTTP/1.1 299", "ODD", "GET /nowhere HTTP/1.1"])
def test_an_odd_start_line_stays_as_it_is(start_line: str) -> None:
    (line,) = lines(message(start_line))
    assert (line.before + line.name + line.after, line.meaning) == (start_line, None)


def test_the_parts_of_a_token_are_marked_wherever_it_stands() -> None:
    token = "eyJhIjoxfQ.eyJiIjoyfQ.[signature cut]"
    pieces = [("header", "eyJhIjoxfQ."), ("payload", "eyJiIjoyfQ."), ("signature", "[signature cut]")]
    assert [each for each in Line("", "A", f": Bearer {token}").pieces() if each[1]] == [
        ("name", "A"),
        ("", ": Bearer "),
        *pieces,
    ]
    assert [each for each in Line(token).pieces() if each[1]] == pieces


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    body=st.text(min_size=1) | JSON.map(json.dumps),
    kind=st.sampled_from(["json", "x-www-form-urlencoded", "text"]),
)
def test_the_pieces_of_a_body_are_the_body(body: str, kind: str) -> None:
    _, _, blank, *pieces = lines(message("POST / HTTP/1.1", body, ("Content-Type", f"application/{kind}")))
    assert blank == Line("")
    assert "".join(text for line in pieces for _, text in line.pieces()) == body
