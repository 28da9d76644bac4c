"""What is mutated, and which tests must notice it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Module:
    """Files of a service's package, and the tests that run for their mutants; paths are the service's."""

    service: str
    package: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    without: str = ""  # tests that look at the code itself or change it, run a process, or take seconds


MODULES = {
    "grant": Module(
        "auth-server",
        "auth_server",
        ("auth_server/protocol/grant.py", "auth_server/protocol/target_and_scope.py"),
        (
            "tests/protocol/test_grant.py",
            "tests/protocol/test_target_and_scope.py",
            "tests/protocol/test_client_certificate.py",
            "tests/protocol/test_dpop_proof.py",
            "tests/protocol/test_authlib_traps.py",
            "tests/protocol/test_authorization_server.py",
            "tests/endpoints/test_token.py",
            "tests/actions",
            "tests/test_server_timing.py",
            "tests/test_request_log.py",
        ),
    ),
    "tokens": Module(
        "auth-server",
        "auth_server",
        ("auth_server/tokens/*.py",),
        (
            "tests/tokens",
            "tests/protocol/test_introspection.py",
            "tests/protocol/test_revocation.py",
            "tests/protocol/test_grant.py",
            "tests/endpoints/test_token.py",
        ),
    ),
    "keys": Module(
        "auth-server",
        "auth_server",
        ("auth_server/keys/*.py",),
        ("tests/keys", "tests/tokens", "tests/test_cli.py"),
    ),
    "resource_server": Module(
        "protected-api",
        "protected_api",
        ("protected_api/resource_server/*.py",),
        (
            "tests/resource_server",
            "tests/endpoints/test_health.py",
            "tests/test_outbound_calls.py",
            "tests/test_server_timing.py",
        ),
        without=(
            "needs_only or needs_no or stay_short or imports_nothing or for_all_workers or each_start"
            " or empty_app or of_your_own or makes_a_check_again or challenge_names or weakened"
            " or reads_tokens_anywhere or no_other_header or generated or a_bad_member"
        ),
    ),
    "oauth_client": Module(
        "calling-service",
        "calling_service",
        ("calling_service/oauth_client/*.py",),
        ("tests/oauth_client", "tests/recording/test_server_timing.py"),
        without="lifted",
    ),
}
