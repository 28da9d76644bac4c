"""What the services are compared with: a request that Flask alone answers."""

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def answer() -> ResponseReturnValue:
    """Answer every request with a small JSON object."""
    return jsonify(status="ok")
