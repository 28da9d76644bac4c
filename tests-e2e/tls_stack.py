"""A stack behind https (deploy/tls), whose CA the tests trust while they use it."""

import ssl
from pathlib import Path

from live_stack import Stack


class TlsStack(Stack):
    """The stack of `OVERLAY=tls make up`; with REQUESTS_CA_BUNDLE set to its `ca`, its methods work."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = {service: f"https://localhost:{port}" for service, port in self.ports.items()}
        self.issuer = self.url["auth-server"]
        self.timesheets_api = self.url["protected-api"]
        self.environment["OVERLAY"] = "tls"

    @property
    def state(self) -> Path:
        """Return the folder of what the stack leaves on the host."""
        return Path(f"{super().state}-tls")

    @property
    def ca(self) -> str:
        """Return the path of the CA's certificate."""
        return str(self.state / "ca.pem")

    def context(self) -> ssl.SSLContext:
        """Return what Python's ssl needs to trust this CA alone."""
        return ssl.create_default_context(cafile=self.ca)

    def proxy(self, *command: str) -> str:
        """Run a program in the proxy's container, and return what it printed."""
        container = self.compose("ps", "--quiet", "tls").strip()
        done = self.run("docker", "exec", container, *command)
        assert done.returncode == 0, done.stderr
        return done.stdout
