"""For scale: a Flask view that reads the form of a token request and answers with as much JSON."""

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

TOKEN = "a" * 600  # about as long as an access token that ES256 signs

app = Flask(__name__)


@app.post("/oauth/token")
def answer() -> ResponseReturnValue:
    """Answer with the scope of the form, and a text in place of a token."""
    scope = request.form.get("scope", "")
    return jsonify({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600, "scope": scope})
