"""Run a collection of bruno.bru once a call."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

REQUEST = Path(__file__).with_name("bruno.bru")
COLLECTION = {"version": "1", "name": "Timesheets API", "type": "collection"}


def new_client():
    """Do nothing: Bruno's command keeps nothing between its runs."""


def call(_):
    secret = Path(os.environ["CLIENT_SECRET_FILE"]).read_text()
    environment = {**os.environ, "CLIENT_SECRET": secret}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bruno.json").write_text(json.dumps(COLLECTION))
        shutil.copy(REQUEST, folder)
        command = ["bru", "run", "--output", "result.json"]
        subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True)
        [outcome] = json.loads(Path(folder, "result.json").read_text())[0]["results"]
    if outcome["error"]:
        raise RuntimeError(outcome["error"])
    return outcome["response"]["status"]
