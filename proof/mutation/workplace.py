"""Make the folder in which mutmut works: a copy of one service with the settings that mutmut reads."""

import json
import shutil
import tomllib
from collections.abc import Set
from pathlib import Path

from proof.mutation.modules import Module

CHECKOUT = Path(__file__).parents[2]
CONFTEST = """
import os
import threading

import pytest
from hypothesis import Phase, settings
from mutmut.mutation.trampoline import get_mutant_under_test
from mutmut.state import state

settings.register_profile(
    "mutation",
    settings.get_profile("untimed"),
    max_examples=30,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # nobody reads the smallest example
)
settings.load_profile("mutation")


class Functions(set):
    # mutmut iterates over the functions that a test calls while threads still add some.

    def __iter__(self):
        return iter(tuple(super().__iter__()))


state()._stats = Functions()


def pytest_sessionstart():
    # mutmut checks that the tests fail if every function does. No thread of an earlier test may end that.
    if get_mutant_under_test() == "fail":
        threading.excepthook = lambda _: None


def pytest_generate_tests(metafunc):
    # pytest keeps the escaped ids of a mark, and escapes them again in its next run in the same process: then
    # mutmut would name tests that do not exist, and count the error as a noticed mutant.
    for mark in metafunc.definition.iter_markers("parametrize"):
        if mark._param_ids_from:
            object.__setattr__(mark._param_ids_from, "_param_ids_generated", None)


def pytest_sessionfinish(exitstatus):
    if exitstatus == pytest.ExitCode.USAGE_ERROR:
        os._exit(pytest.ExitCode.NO_TESTS_COLLECTED)  # which mutmut does not count as noticed
"""
SERVICES = ("auth-server", "protected-api", "calling-service")
SETTINGS = """
[tool.pytest]
addopts = ["--import-mode=importlib", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov"]
pythonpath = {pythonpath}
filterwarnings = ["error"]
markers = {markers}

[tool.mutmut]
source_paths = [{package}]
only_mutate = {files}
also_copy = {also}
pytest_add_cli_args_test_selection = {tests}
track_dependencies = false
use_git_change_detection = false
"""


def prepare(folder: Path, module: Module) -> None:
    """Copy the service, with the tests as they are now; results of earlier runs stay."""
    service = CHECKOUT / module.service
    for name in ("tests", "docs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    shutil.copytree(service, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(CHECKOUT / "docs", folder / "docs")  # a test compares the commands with them
    (folder / "conftest.py").write_text((CHECKOUT / "conftest.py").read_text() + CONFTEST)
    own = {module.package, "tests", "pyproject.toml"}
    others = {each.name for each in service.iterdir()} - own
    selection = [*module.tests, "-m", "not long"]
    if module.without:
        selection += ["-k", f"not ({module.without})"]
    root = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["pytest"]
    lists = {
        "pythonpath": [".", *(str(CHECKOUT / each) for each in root["pythonpath"] if each not in SERVICES)],
        "markers": root["markers"],
        "package": module.package,
        "files": list(module.files),
        "also": [*sorted(others), "conftest.py"],
        "tests": selection,
    }
    text = SETTINGS.format(**{name: json.dumps(value) for name, value in lists.items()})
    (folder / "pyproject.toml").write_text(text)


def forget(folder: Path, keys: Set[str]) -> None:
    """Let mutmut try these mutants again, since a test that notices them may have been written."""
    for file in folder.glob("mutants/**/*.meta"):
        results = json.loads(file.read_text())
        codes = results["exit_code_by_key"]
        results["exit_code_by_key"] = {key: None if key in keys else code for key, code in codes.items()}
        file.write_text(json.dumps(results))
