#!/bin/sh
# mutmut 3.8.1: a change is killed without any test, if an id that parametrize() was given has an escape in it.
#
# mutmut runs pytest several times in one process: to collect, to time the tests, and for each change in a fork.
# pytest 9.2.0 keeps the ids of parametrize(..., ids=...) on the mark, already escaped, and escapes them again in
# the next run: 'a\n' becomes 'a\\n'. mutmut asks for the test by its first name, pytest finds none and exits with
# 4, and mutmut counts that as killed. The test below asserts nothing, so each change must survive. With an id
# without a backslash it does. A hook that sets `mark._param_ids_from._param_ids_generated` to None before each
# collection helps.
#
# Seen on CPython 3.11 with mutmut 3.8.1 and pytest 9.2.0:
#   id without a backslash: survived
#   id with a backslash: killed
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mutmut==3.8.1 pytest==9.2.0
mkdir -p "$folder/project/sums" "$folder/project/tests"
cd "$folder/project"
touch sums/__init__.py
cat >sums/add.py <<'PYTHON'
def add(a, b):
    return a + b
PYTHON
cat >pyproject.toml <<'TOML'
[tool.mutmut]
source_paths = ["sums"]
TOML
for id in 'without' 'with\n'; do
	rm -rf mutants
	cat >tests/test_add.py <<PYTHON
import pytest
from sums.add import add


@pytest.mark.parametrize("a", [1], ids=[r"$id"])
def test_asserts_nothing(a):
    add(a, 1)
PYTHON
	"$folder/venv/bin/mutmut" run --max-children 1 >log 2>&1
	"$folder/venv/bin/mutmut" results --all true | sed -n "s/^ *sums.*: /id ${id%\\n} a backslash: /p"
done | tee "$folder/seen"
diff - "$folder/seen" <<'SEEN'
id without a backslash: survived
id with a backslash: killed
SEEN
