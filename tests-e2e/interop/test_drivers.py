"""A client program obeys its driver, in Python and in Node; nothing that it prints is an answer."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.client_program import ClientProgram
from interop.environments import Environment

SECRET = "a-very-secret-word"
PROGRAMS = {
    "plain.py": """
import os
print("made")
def new_client():
    return iter([200, 401])
def call(client):
    print("calling")
    try:
        return next(client)
    except StopIteration:
        raise ValueError(open(os.environ["CLIENT_SECRET_FILE"]).read() + " is wrong\\nsecond line")
""",
    "tasks.py": """
async def new_client():
    return iter([200, 401])
async def call(client):
    return next(client)
""",
    "program.mjs": """
export const newClient = () => [200, 401];
export const call = async (client) => {
  console.log('calling');
  if (client.length === 0) throw new RangeError('a-very-secret-word is wrong');
  return client.shift();
};
""",
    "url.py": """
import os
def new_client():
    return None
def call(client):
    return os.environ["API_URL"]
""",
}
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


@pytest.fixture
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClientProgram]:
    """Start one of the programs."""
    file = tmp_path / request.param
    file.write_text(PROGRAMS[request.param])
    (tmp_path / "secret").write_text(SECRET)
    variables = {"CLIENT_SECRET_FILE": str(tmp_path / "secret"), "API_URL": "one"}
    with ClientProgram(Environment(tmp_path), str(file), variables) as started:
        yield started


@pytest.mark.parametrize(
    "program", ["plain.py", "tasks.py", pytest.param("program.mjs", marks=needs_node)], indirect=True
)
def test_a_program_keeps_its_client_until_it_is_told_to_make_a_new_one(program: ClientProgram) -> None:
    assert program.call() == {"status": 200}
    assert program.call() == {"status": 401}
    program.new()
    assert sorted(result["status"] for result in program.calls(2)) == [200, 401]


@pytest.mark.parametrize(
    ("program", "kind"),
    [("plain.py", "ValueError"), pytest.param("program.mjs", "RangeError", marks=needs_node)],
    indirect=["program"],
)
def test_an_error_is_an_answer_without_the_secret(program: ClientProgram, kind: str) -> None:
    program.calls(2)
    assert program.call() == {"error": f"{kind}: … is wrong"}


@pytest.mark.parametrize("program", ["url.py"], indirect=True)
def test_a_program_calls_another_route_when_it_is_told_to(program: ClientProgram) -> None:
    assert program.call() == {"status": "one"}
    program.turn_to("two")
    assert program.call() == {"status": "two"}
