"""The names of projects and people: in which form they are compared, and which characters they may have.

The job and the API hold this module with the same text, because a name that one of them takes for another, or
refuses, would be booked twice or never. The rules name code points: Python's tables differ by its version.
"""

import re
from unicodedata import normalize

LONGEST = 1000  # characters that are normalised: Python needs quadratic time for a long run of accents

BLANKS = r"\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
JOINERS = r"\u200c\u200d"
# Letters of the Latin, Greek and Cyrillic scripts never change their shape by a joiner.
UNJOINED = r"\x21-\u052f\u1e00-\u1fff"
SILENT = re.compile(rf"\xad|(?<=[{UNJOINED}])[{JOINERS}](?=[{UNJOINED}])")

# What a log or a table would hide: control and formatting characters, and what Unicode calls default
# ignorable; but not the variation selectors, which names are written with, nor characters for private use, as
# which fonts have the signs of companies.
HIDDEN = (
    r"\x00-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufeff\uffa0\ufff0-\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # literal: dialects differ in escapes
)
TAGS = "\U000e0000-\U000e007f"
SURROGATES = r"\ud800-\udfff"
UNSEEN = re.compile(rf"[\xad{BLANKS}{HIDDEN}{TAGS}{SURROGATES}]")
FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")  # as of Scotland
# After the sign that silences a vowel, a joiner shapes the letter before it, also at the end of a word.
VIRAMAS = r"\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
STRAY_JOINER = re.compile(rf"[{JOINERS}](?:(?<=^.)|(?<=[ {JOINERS}].)|(?<![{VIRAMAS}].)(?![^ {JOINERS}]))")

# For JSON schemas, a name as it comes and one that is normalised already: a little wider than `reason`.
PATTERN = f"^[ \\xad{BLANKS}]*[^ \\xad{BLANKS}{JOINERS}{HIDDEN}][^{HIDDEN}]*$"
NORMALISED_PATTERN = f"^ *[^ \\xad{BLANKS}{JOINERS}{HIDDEN}][^\\xad{BLANKS}{HIDDEN}]*$"


def normalised(name: str) -> str:
    """Return the name in the form in which it is booked and compared; one that is too long comes as it is.

    Accents are composed (NFC), each kind of blank is a space, and what has no effect is left out: blanks
    around the name, soft hyphens, joiners between letters that cannot be joined.
    """
    if name.isascii():
        return name.strip(" ")
    if len(name) > LONGEST:
        return name
    spaced = re.sub(f"[{BLANKS}]", " ", normalize("NFC", name))
    return normalize("NFC", SILENT.sub("", spaced)).strip(" ")  # an accent may stand behind what is left out


def reason(name: str) -> str | None:
    """Return why a normalised name cannot be booked, if it cannot."""
    if not name.strip(" "):
        return "is empty"
    visible = FLAG.sub("\U0001f3f4", name)
    unseen = UNSEEN.search(visible)
    if unseen:
        return f"contains U+{ord(unseen[0]):04X}, which cannot be seen or printed"
    if STRAY_JOINER.search(visible):
        return "contains a joiner (U+200C or U+200D) that is not between two letters or emoji"
    return None
