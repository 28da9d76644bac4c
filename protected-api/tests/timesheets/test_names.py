"""What no request of the API reaches; the job tests the rest of this module, which it holds too."""

from protected_api.timesheets.names import LONGEST, normalised


def test_a_name_that_is_too_long_comes_as_it_is() -> None:
    """Python needs quadratic time to put the accents of a long name into their normal form."""
    name = "e" + "\u0301\u0323" * LONGEST
    assert normalised(name) == name
