import pytest
from flow_explorer.meanings import Meaning, meaning


def test_an_rfc_is_named_with_the_address_of_its_section() -> None:
    assert meaning("claim", "aud") == Meaning(
        "For which API it is meant. Any other must refuse it.",
        "RFC 9068 2.2",
        "https://www.rfc-editor.org/rfc/rfc9068#section-2.2",
    )


def test_a_part_of_ours_has_no_source_and_an_unknown_one_no_meaning() -> None:
    booked = meaning("member", "booked")
    assert booked
    assert (booked.source, booked.address) == (None, None)
    assert meaning("claim", "unknown") is None
    assert meaning("check", "unknown", of="Nobody") is None


@pytest.mark.parametrize(
    ("server", "name"), [("Authorization Server", "credentials"), ("Timesheets API", "alg-fits-the-key")]
)
def test_a_check_means_what_it_does_at_its_server(server: str, name: str) -> None:
    assert meaning("check", name, of=server)
