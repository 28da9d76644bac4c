"""Print each mutant of the folder as a line of JSON: its place, what became of it, the line that it changes.

mutmut's own environment runs this (proof/mutation/__main__.py), so it imports nothing of ours.
"""

import json
import re
from collections.abc import Iterator

from mutmut.__main__ import SourceFileMutationData, status_by_exit_code, walk_mutatable_files
from mutmut.mutation.diff_apply import get_diff_for_mutant


def place(key: str) -> str:
    """Return module, class and function of a mutant whose key is such as a.b.xǁClassǁfunction__mutmut_1."""
    module, _, function = key.partition("__mutmut_")[0].rpartition(".")
    function = re.sub("^x(ǁ|_)", "", function).replace("ǁ", ".")
    return f"{module.rpartition('.')[2]}.{function}"


def results() -> Iterator[dict[str, str]]:
    """Yield what is known of each mutant."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for key, code in data.exit_code_by_key.items():
            status = status_by_exit_code[code]
            line = ""
            if status in ("survived", "no tests"):
                line = changed(get_diff_for_mutant(key, path=path))
            yield {"key": key, "place": place(key), "status": status, "line": line}


def changed(diff: str) -> str:
    """Return the line that a diff adds, or the one that it takes away; blanks are no change."""
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    removed, added = ([line[1:].strip() for line in lines if line[0] == sign] for sign in "-+")
    new = [line for line in added if _packed(line) not in _packed("".join(removed))]
    gone = [line for line in removed if _packed(line) not in _packed("".join(added))]
    if new:
        return new[0]
    return f"without {[*gone, *removed, '?'][0]}"


def _packed(text: str) -> str:
    return "".join(text.split())


if __name__ == "__main__":
    for result in results():
        print(json.dumps(result))
