"""The drills, a module each; IN_ORDER is the order in which they are listed."""

IN_ORDER = (
    "authorization_server_down",
    "api_down_during_import",
    "replica_killed",
    "database_restarted",
    "database_read_only",
    "rolling_update",
    "graceful_stop",
    "key_rotated",
    "key_revoked",
    "secret_rotated",
    "key_set_endpoint",
    "token_stampede",
    "clock_off",
    "valkey_down",
    "restore",
    "restore_postgresql",
)
