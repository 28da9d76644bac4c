"""`python -m standards`: write the pages on standards and threats; raise SystemExit with all problems."""

from standards import threats
from standards.markers import CHECKOUT, collect
from standards.page import page
from standards.problems import problems
from standards.requirements import read_documents, read_kinds

PAGE = CHECKOUT / "docs/standards.md"
THREAT_MODEL = CHECKOUT / "docs/threat-model.md"

if __name__ == "__main__":
    documents, kinds, markers, dangers = read_documents(), read_kinds(), collect(), threats.read_threats()
    found = [*problems(documents, kinds, markers), *threats.problems(dangers)]
    if found:
        raise SystemExit("\n".join(found))
    PAGE.write_text(page(documents, kinds, markers))
    THREAT_MODEL.write_text(threats.page(dangers))
