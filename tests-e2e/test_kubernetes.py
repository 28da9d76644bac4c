"""The manifests of deploy/kubernetes: valid, restricted, and with settings that the services take."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parent.parent
MANIFESTS = CHECKOUT / "deploy/kubernetes"
OVERLAYS = ("sqlite", "postgresql")
VERSIONS = ("1.35.0", "1.37.0")
SERVICES = {"auth-server": "auth-server", "protected-api": "protected-api", "import-job": "calling-service"}
Resource = dict[str, Any]

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed"),
    pytest.mark.skipif(os.environ.get("RUNTIME") == "docker", reason="the runtime makes no difference here"),
]


@cache
def built(overlay: str) -> str:
    command = ["kubectl", "kustomize", str(MANIFESTS / overlay)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@cache
def resources(overlay: str) -> dict[tuple[str, str], Resource]:
    """Return the resources of an overlay by kind and name; the names of ConfigMaps without their hash."""
    found = {}
    for resource in yaml.safe_load_all(built(overlay)):
        kind, name = resource["kind"], resource["metadata"]["name"]
        if kind == "ConfigMap":
            name = name.rpartition("-")[0]
        found[kind, name] = resource
    return found


def pods(overlay: str) -> Iterator[tuple[str, Resource]]:
    for (kind, name), resource in resources(overlay).items():
        if kind == "Deployment":
            yield name, resource["spec"]["template"]["spec"]
        if kind == "CronJob":
            yield name, resource["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def environment(overlay: str, service: str) -> dict[str, str]:
    data: dict[str, str] = resources(overlay)["ConfigMap", service]["data"]
    return data


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_schemas_of_two_versions_allow_every_resource(overlay: str, version: str, tmp_path: Path) -> None:
    file = tmp_path / "built.yaml"
    file.write_text(built(overlay))
    uv = Path(sys.executable).with_name("uv")
    tool: list[str | Path] = [
        uv,
        "run",
        "--quiet",
        "--no-project",
        "--with-requirements",
        MANIFESTS / "requirements.txt",
    ]
    command = [*tool, "kubernetes-validate", "--strict", "--kubernetes-version", version, file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" passed ") == len(resources(overlay))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_is_restricted_and_limited(overlay: str) -> None:
    for name, pod in pods(overlay):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]) == {"requests", "limits"}
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_service_has_probes_and_every_server_takes_leave(overlay: str) -> None:
    for name, pod in pods(overlay):
        (container,) = pod["containers"]
        if name == "tenant-apply":
            continue
        assert container["startupProbe"]["httpGet"]["path"] == "/healthz"
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        if name != "import-job":  # it serves nobody but its operator
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
            assert container["lifecycle"] == {"preStop": {"exec": {"command": ["sleep", "5"]}}}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_job_has_no_secret_but_a_token_of_the_cluster_for_the_issuer(overlay: str) -> None:
    job = dict(pods(overlay))["import-job"]
    assert not [volume for volume in job["volumes"] if "secret" in volume]
    (tokens,) = (volume for volume in job["volumes"] if volume["name"] == "tokens")
    (source,) = tokens["projected"]["sources"]
    settings = environment(overlay, "import-job")
    assert source["serviceAccountToken"]["audience"] == settings["ISSUER"]
    assert settings["CLIENT_ASSERTION_FILE"].endswith("/" + source["serviceAccountToken"]["path"])
    tenant = yaml.safe_load(resources(overlay)["ConfigMap", "tenant"]["data"]["tenant.yaml"])
    (client,) = (each for each in tenant["clients"] if each["client_id"] == settings["CLIENT_ID"])
    account = f"system:serviceaccount:timesheets:{job['serviceAccountName']}"
    assert client["federated"]["subject"] == account


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_built_that_holds_a_secret(overlay: str) -> None:
    assert not [name for kind, name in resources(overlay) if kind == "Secret"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_port_that_is_open_has_a_policy_and_the_rest_is_denied(overlay: str) -> None:
    policies = {
        name: each["spec"] for (kind, name), each in resources(overlay).items() if kind == "NetworkPolicy"
    }
    assert policies["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (rule,) = policies["from-the-ingress-controller"]["ingress"]
    (may,) = policies["from-the-ingress-controller"]["podSelector"]["matchExpressions"]
    assert may["values"] == ["auth-server", "protected-api"]
    assert rule["ports"] == [{"port": "http"}]


def test_two_instances_stay_through_a_drained_node_and_a_rolling_update() -> None:
    found = resources("postgresql")
    for name in ("auth-server", "protected-api"):
        deployment = found["Deployment", name]["spec"]
        assert deployment["replicas"] == 2
        assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        assert found["PodDisruptionBudget", name]["spec"]["minAvailable"] == 1
    assert environment("postgresql", "auth-server")["TENANT_APPLY"] == "command"


def test_two_pods_never_share_an_sqlite_file() -> None:
    for name in ("auth-server", "protected-api"):
        deployment = resources("sqlite")["Deployment", name]["spec"]
        assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
        claim = resources("sqlite")["PersistentVolumeClaim", name]["spec"]
        assert claim["accessModes"] == ["ReadWriteOncePod"]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_one_of_the_readme(overlay: str, service: str) -> None:
    readme = (CHECKOUT / "README.md").read_text()
    unknown = [
        name
        for name in environment(overlay, service)
        if name != "GUNICORN_CMD_ARGS" and f"`{name}`" not in readme
    ]
    assert unknown == []


@pytest.mark.parametrize(
    ("service", "program"),
    [
        ("auth-server", ["-m", "flask", "--app", "auth_server.wsgi", "tenant", "apply"]),
        ("protected-api", ["-c", "import protected_api.wsgi"]),
        ("import-job", ["-c", "import calling_service.wsgi"]),
    ],
)
def test_the_services_take_these_settings(service: str, program: list[str], tmp_path: Path) -> None:
    for folder in ("data", "inbox", "run/secrets", "etc/tenant", "var/run/secrets/tokens", "var/run/cluster"):
        (tmp_path / folder).mkdir(parents=True)

    def moved(text: str) -> str:
        return re.sub(r"(?<![\w.:])/(data|inbox|run|etc|var)\b", rf"{tmp_path}/\1", text)

    tenant = resources("sqlite")["ConfigMap", "tenant"]["data"]["tenant.yaml"]
    (tmp_path / "etc/tenant/tenant.yaml").write_text(moved(tenant))
    (tmp_path / "run/secrets/key-encryption-key").write_text("A" * 43)
    (tmp_path / "run/secrets/timesheets-api").write_text("not a secret, because it is in a test")
    (tmp_path / "run/secrets/timesheets-api.sha256").write_text("0" * 64)
    (tmp_path / "var/run/secrets/tokens/login").write_text("e30.e30.e30")
    (tmp_path / "var/run/cluster/token").write_text("e30.e30.e30")
    shutil.copy(certifi.where(), tmp_path / "var/run/cluster/ca.crt")
    settings = {name: moved(value) for name, value in environment("sqlite", service).items()}
    settings |= {"PATH": os.environ["PATH"], "SECRETS_DIR": f"{tmp_path}/run/secrets"}
    if service == "auth-server":  # four slashes, which the expression leaves alone
        settings["DATABASE_URL"] = f"sqlite:///{tmp_path}/data/auth-server.db"
    done = subprocess.run(
        [sys.executable, *program],
        cwd=CHECKOUT / SERVICES[service],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
