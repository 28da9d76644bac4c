"""deploy/scale: who can reach whom, as which user each part runs, and where no secret is."""

import pytest
import requests
from scale_stack import FORM, ScaleStack

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
WALLS = {
    "between a job and the database": ("calling-service", "postgres", "5432"),
    "between a job and Valkey": ("calling-service", "valkey", "6379"),
    "between a job and a replica": ("calling-service", "auth-server-b", "9000"),
    "between the API and Valkey": ("protected-api", "valkey", "6379"),
    "between the API and a replica of the authorization server": ("protected-api", "auth-server-b", "9000"),
    "between a server and other networks": ("auth-server", "192.0.2.1", "80"),
}
PARTS = 9  # two replicas of each server, two jobs, Caddy, PostgreSQL, Valkey


@pytest.mark.parametrize("case", WALLS)
def test_there_is_a_wall(scale: ScaleStack, case: str) -> None:
    service, host, port = WALLS[case]
    done = scale.run("stack/stack", "exec", service, "python", "-c", CONNECT, host, port)
    assert done.returncode != 0
    assert "OSError" in done.stderr or "gaierror" in done.stderr


def test_each_server_opens_its_own_database_alone(scale: ScaleStack) -> None:
    connect = """
import psycopg
password = open("/run/secrets/database-password").read()
psycopg.connect("postgresql://auth_server@postgres/protected_api", password=password)
"""
    done = scale.run("stack/stack", "exec", "auth-server", "python", "-c", connect)
    assert 'permission denied for database "protected_api"' in done.stderr


def test_containers_are_closed_and_publish_on_loopback_alone(scale: ScaleStack) -> None:
    containers = scale.inspected()
    assert len(containers) == PARTS
    for container in containers:
        host, name = container["HostConfig"], container["Name"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert container["Config"]["User"] or "-proxy-" in name, name
        bindings = [binding for each in (host["PortBindings"] or {}).values() for binding in each]
        assert {binding["HostIp"] for binding in bindings} <= {"127.0.0.1"}, name


def test_no_secret_is_in_a_setting_or_an_argument_of_a_container(scale: ScaleStack) -> None:
    running = scale.inspected()
    shown = str(running) + str(scale.inspected("tenant"))
    for container in running:
        shown += scale.run("docker", "top", container["Id"], "-o", "pid,args").stdout
    assert "valkey-server" in shown
    secrets = [path.read_text().strip() for path in scale.folder.glob(".secrets/*/*")]
    assert [secret for secret in secrets if secret in shown] == []


def test_the_log_has_the_address_that_the_proxy_saw(scale: ScaleStack) -> None:
    url = f"{scale.url['auth-server']}/oauth/token"
    forged = {"X-Forwarded-For": "198.51.100.7"}
    requests.post(url, FORM, auth=("gallery-short", "x"), headers=forged, timeout=10)
    lines = scale.logs("auth-server").splitlines()
    assert [line for line in lines if "gallery-short" in line and "wrong secret" in line]
    assert "198.51.100.7" not in str(lines)


def test_applying_the_tenant_once_more_changes_nothing(scale: ScaleStack) -> None:
    done = scale.inside("auth-server", "flask", "--app", "auth_server.wsgi", "tenant", "apply", "--check")
    assert done.strip() == "nothing to change"
