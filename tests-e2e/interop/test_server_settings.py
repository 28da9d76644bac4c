"""The settings of each authorization server are such that the API and the job start with them."""

import re
from pathlib import Path

import pytest
import yaml
from calling_service.settings import Settings as JobSettings
from live_stack import CHECKOUT
from protected_api.settings import Settings as ApiSettings

from interop.rows import Row, read_rows
from interop.sides.servers import block

OVERLAY = yaml.safe_load((CHECKOUT / "deploy/another-server/compose.yml").read_text())["services"]
ROWS = [pytest.param(row, id=row.name) for row in read_rows("servers")]


def settings(row: Row) -> dict[str, str]:
    """Return the lines of a row's file."""
    return dict(line.split("=", 1) for line in block(row, "https://login.example").splitlines())


def environment(row: Row, service: str, folder: Path) -> dict[str, str]:
    """Return what a service gets of these lines, with a secret in place of that in /run/secrets."""
    (folder / "secret").write_text("of this test")
    lines = settings(row)
    found = {}
    for name, value in OVERLAY[service]["environment"].items():
        variable, default = re.fullmatch(r"\$\{([A-Z_]+):-(.*)\}", value).groups()  # type: ignore[union-attr]
        text = lines.get(variable) or default.replace("${PROTECTED_API_PORT:-9001}", "9001")
        found[name] = re.sub("^/run/secrets/.*", str(folder / "secret"), text)
    return found


@pytest.mark.parametrize("row", ROWS)
def test_the_overlay_knows_every_line(row: Row) -> None:
    known = re.findall(r"\$\{([A-Z_]+):-", (CHECKOUT / "deploy/another-server/compose.yml").read_text())
    assert set(settings(row)) <= set(known)


@pytest.mark.parametrize("row", ROWS)
def test_the_api_starts_with_them(row: Row, tmp_path: Path) -> None:
    more = {"AUDIENCE": "http://localhost:9001", "DATABASE_FILE": ":memory:"}
    api = ApiSettings.from_environ(environment(row, "protected-api", tmp_path) | more)
    assert (api.issuer, api.profile) == (
        settings(row)["ISSUER"],
        settings(row).get("TOKEN_PROFILE", "rfc9068"),
    )


@pytest.mark.parametrize("row", ROWS)
def test_the_job_starts_with_them(row: Row, tmp_path: Path) -> None:
    folder = str(tmp_path)
    more = {"API_URL": "https://api.example", "INBOX": folder, "STATE_DIR": folder}
    job = JobSettings.from_environ(environment(row, "calling-service", tmp_path) | more)
    assert " ".join(job.scopes) == settings(row)["SCOPE"]
