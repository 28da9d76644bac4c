"""Import the sample exports, and again after LibreOffice has opened and saved them: nothing is booked twice.

Not part of the suite: it needs `soffice` (Debian's libreoffice-calc). Run `RUNTIME=local python
tests-e2e/spreadsheet_round_trip.py`; VENV names the virtual environment.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from live_stack import Stack
from other_tools import ENTRIES, TOOLS, booked, import_as, inbox

LANGUAGES = {"American English": (1033, 44), "German": (1031, 59), "French": (1036, 59)}  # and a separator
UTF_8, QUOTE = 76, 34


def save_anew(path: Path, folder: Path, language: int, separator: int) -> None:
    """Have LibreOffice open a CSV file, where it recognises dates and times, and save it in its place."""
    opened = f"44,{QUOTE},{UTF_8},1,,{language},false,true"
    saved = f"{separator},{QUOTE},{UTF_8},1,,{language},false,true"
    subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            "--headless",
            f"--infilter=CSV:{opened}",
            "--convert-to",
            f"csv:Text - txt - csv (StarCalc):{saved}",
            "--outdir",
            str(folder),
            str(path),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    path.write_bytes((folder / path.name).read_bytes())


def main() -> int:
    """Print a line for each tool and language; return 1 if something was booked twice or not at all."""
    wrong = 0
    os.environ.setdefault("RUNTIME", "local")
    with tempfile.TemporaryDirectory() as name:
        stack = Stack(Path(name) / "checkout")
        try:
            stack.make("up")
            for tool in TOOLS:
                inbox(stack, tool)
                import_as(stack, tool)
                before = booked(stack, tool)
                for language, (number, separator) in LANGUAGES.items():
                    path = inbox(stack, tool) / "week.csv"
                    save_anew(path, Path(name), number, separator)
                    status, printed = import_as(stack, tool)
                    (line,) = [line for line in printed.splitlines() if line.strip().startswith("week.csv ")]
                    print(f"{tool:<9} {language:<17} exit {status} {' '.join(line.split())}")  # noqa: T201
                    wrong += booked(stack, tool) != before or len(before) != ENTRIES
        finally:
            stack.drop()
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
