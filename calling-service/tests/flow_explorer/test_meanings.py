import pytest
from flow_explorer.meanings import Meaning, meaning_of


def test_an_rfc_is_named_with_the_address_of_its_section() -> None:
    assert meaning_of("token payload", "aud") == Meaning(
        "The API that the token is for. Every other API must refuse it.",
        "RFC 9068 2.2",
        "https://www.rfc-editor.org/rfc/rfc9068#section-2.2",
    )


def test_our_own_part_has_no_source_and_an_unknown_part_no_meaning() -> None:
    booked = meaning_of("member", "booked")
    assert booked
    assert (booked.source, booked.address) == (None, None)
    assert meaning_of("token payload", "unknown") is None
    assert meaning_of("check of Nobody", "unknown") is None


@pytest.mark.parametrize(
    ("server", "name"), [("Authorization Server", "credentials"), ("Timesheets API", "alg-fits-the-key")]
)
def test_a_check_has_the_meaning_for_its_server(server: str, name: str) -> None:
    assert meaning_of(f"check of {server}", name)
