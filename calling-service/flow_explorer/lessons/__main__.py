"""Write the pages of the lessons into the folder that is named: `make lessons`."""

import sys
from pathlib import Path

from flow_explorer.lessons import markdown

folder = Path(sys.argv[1])
for name, text in markdown.pages().items():
    (folder / name).write_text(text, encoding="utf-8")
readme = folder / "README.md"
readme.write_text(markdown.with_table(readme.read_text(encoding="utf-8")), encoding="utf-8")
