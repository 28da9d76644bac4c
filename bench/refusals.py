"""How long a refusal takes, by its true reason: the answers are equal, so their times must be equal too.

The clients for this, disabled ones and one with keys, are added to the tenant that is measured.
"""

import json
import statistics
import time
import uuid

import requests
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from joserfc import jwk
from live_stack import Stack

SAMPLES = 100
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY, ANOTHER_KEY = (jwk.generate_key("EC", "P-256", {"kid": "bench"}) for _ in range(2))
CLIENTS = """
  - client_id: bench-disabled
    name: Disabled
    enabled: false
    secret_digest_files: [payroll-report.sha256]

  - client_id: bench-keys-disabled
    name: Disabled, with keys
    enabled: false
    jwks_file: bench-keys.json

  - client_id: bench-keys
    name: With keys
    jwks_file: bench-keys.json

grants:
  - client: bench-keys
    audience: ${TIMESHEETS_API:-http://localhost:9001}
    scopes: [read:timesheets]
"""

Form = dict[str, str]


def prepare(stack: Stack) -> None:
    """Add the clients before the stack starts; allow so many failed logins that none is refused for that."""
    stack.edit("auth-server/tenant.yaml", "\ngrants:\n", CLIENTS)
    stack.edit(
        "docker-compose.yml",
        "TENANT_FILE:",
        'FAILED_LOGINS_PER_MINUTE: "1000000"\n      TENANT_FILE:',
    )
    folder = stack.folder / ".secrets/auth-server"
    folder.mkdir(parents=True)
    (folder / "bench-keys.json").write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))


def signed_form(stack: Stack, client_id: str = "bench-keys", key: jwk.Key = KEY) -> Form:
    """Return the parameters of a token request with private_key_jwt."""
    claims = {"jti": str(uuid.uuid4())}
    header = {"kid": "bench"}
    assertion = private_key_jwt_sign(key, client_id, stack.issuer, alg="ES256", claims=claims, header=header)
    form = {"grant_type": "client_credentials", "audience": stack.timesheets_api}
    return form | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def measure(stack: Stack) -> None:
    """Send the requests in turn and print the median time of each refusal."""
    url = f"{stack.url['auth-server']}/oauth/token"
    right = stack.secret("payroll-report")
    secrets = {
        "secret: unknown client": ("bench-nobody", right),
        "secret: wrong": ("payroll-report", right[::-1]),
        "secret: disabled client": ("bench-disabled", right),
        "secret: client with keys": ("bench-keys", right),
    }
    signed = {
        "assertion: unknown client": ("bench-nobody", KEY),
        "assertion: wrong key": ("bench-keys", ANOTHER_KEY),
        "assertion: disabled client": ("bench-keys-disabled", KEY),
        "assertion: client with a secret": ("payroll-report", KEY),
    }
    times: dict[str, list[float]] = {name: [] for name in (*secrets, *signed)}
    with requests.Session() as session:
        for _ in range(SAMPLES):
            for name, basic in secrets.items():
                times[name].append(_time(session, url, {"grant_type": "client_credentials"}, basic))
            for name, (client_id, key) in signed.items():
                times[name].append(_time(session, url, signed_form(stack, client_id, key), None))
    print(f"\nRefusals, all 401 invalid_client, medians of {SAMPLES} interleaved requests")
    for group in (secrets, signed):
        medians = {name: statistics.median(times[name]) * 1e3 for name in group}
        for name, median in medians.items():
            print(f"{name:<46} {median:8.2f} ms")
        difference = max(medians.values()) - min(medians.values())
        print(f"{'largest difference':<46} {difference:8.2f} ms, {difference / max(medians.values()):.0%}")


def _time(session: requests.Session, url: str, form: Form, basic: tuple[str, str] | None) -> float:
    request = session.prepare_request(requests.Request("POST", url, data=form, auth=basic))
    began = time.perf_counter()
    answer = session.send(request, timeout=10)
    elapsed = time.perf_counter() - began
    if answer.status_code != 401:
        raise RuntimeError(f"{answer.status_code} {answer.text}")
    return elapsed
