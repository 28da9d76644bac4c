"""`python -m standards`: write docs/standards.md; raise SystemExit with all problems, if there are any."""

from standards.markers import CHECKOUT, collect
from standards.page import page
from standards.problems import problems
from standards.requirements import read_documents, read_kinds

PAGE = CHECKOUT / "docs/standards.md"

if __name__ == "__main__":
    documents, kinds, markers = read_documents(), read_kinds(), collect()
    found = problems(documents, kinds, markers)
    if found:
        raise SystemExit("\n".join(found))
    PAGE.write_text(page(documents, kinds, markers))
