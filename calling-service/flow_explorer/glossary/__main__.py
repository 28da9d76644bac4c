"""Write the tables of the page that is named: `make lessons`."""

import sys
from pathlib import Path

from flow_explorer.glossary.words import with_tables

page = Path(sys.argv[1])
page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
