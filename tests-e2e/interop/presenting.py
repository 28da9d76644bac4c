"""How a token is presented to a program, by HTTP, IMAP or AMQP, and what the program says."""

import imaplib
import json
import socket
import subprocess
from collections.abc import Callable

import requests

Present = Callable[[str | None], str]  # takes a token, or none; returns a status, or "accepted" or "refused"
ACCEPTED = {"200", "accepted"}
AMQP = """
import json, sys
import pika
port, token = json.load(sys.stdin)
credentials = pika.PlainCredentials("", token)
parameters = pika.ConnectionParameters("127.0.0.1", port, credentials=credentials)
try:
    pika.BlockingConnection(parameters).close()
    print("accepted")
except pika.exceptions.AMQPError:
    print("refused")
"""


def http(port: int) -> Present:
    """Return what presents a token in an HTTP request."""

    def present(token: str | None) -> str:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = requests.get(f"http://localhost:{port}/timesheets", headers=headers, timeout=10)
        return str(answer.status_code)

    return present


def imap(port: int) -> Present:
    """Return what presents a token in a login by IMAP."""

    def present(token: str | None) -> str:
        with imaplib.IMAP4("127.0.0.1", port, timeout=10) as client:
            try:
                client.authenticate(
                    "XOAUTH2",
                    lambda asked: (
                        b"" if asked else f"user=timesheets-import-job\1auth=Bearer {token}\1\1".encode()
                    ),
                )
            except imaplib.IMAP4.error:
                return "refused"
            return "accepted"

    return present


def amqp(port: int, container: str) -> Present:
    """Return what logs in by AMQP, in the broker's container, and opens a virtual host."""

    def present(token: str | None) -> str:
        done = subprocess.run(
            ("docker", "exec", "--interactive", container, "python", "-c", AMQP),
            input=json.dumps([port, token or ""]),
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout.strip()

    return present


def is_open(port: int) -> bool:
    """Return whether something listens on a port."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
