"""The yardstick: what Flask alone costs per request."""

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def answer() -> ResponseReturnValue:
    """Answer a small JSON object, whatever was sent."""
    return jsonify(status="ok")
