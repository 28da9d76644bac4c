"""The survivors that are known, each with the reason why no test notices it: proof/mutation/survivors/*.txt.

A file has paragraphs: the reason, in lines that begin with #, then a line `place: changed line` for each
survivor that it explains.
"""

from pathlib import Path

FOLDER = Path(__file__).with_name("survivors")


def known(name: str) -> dict[str, str]:
    """Return the reason for each known survivor of a module; raise ValueError for one without a reason."""
    file = FOLDER / f"{name}.txt"
    reasons: dict[str, str] = {}
    if not file.exists():
        return reasons
    for paragraph in file.read_text().split("\n\n"):
        lines = paragraph.strip().splitlines()
        reason = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
        for line in lines:
            if line.startswith("#"):
                continue
            if not reason:
                raise ValueError(f"{file}: {line} has no reason")
            reasons[line] = reason
    return reasons
