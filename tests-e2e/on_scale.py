"""Which test files run on the stack of deploy/scale alone, which run elsewhere alone, and why.

`make test-scale` runs the whole suite there, but for what ELSEWHERE names.
"""

OF_ITS_OWN = "starts stacks of its own, which are not about replicas"
STARTS_NOTHING = "compares files of the checkout, and starts nothing"
PAGES = "follows pages that show the stack without an overlay"
EDITS = "edits the tenant file that is mounted, and this overlay mounts another one"
ELSEWHERE = {  # a test file that is not run on this stack, and why
    **dict.fromkeys(
        (
            "test_another_authorization_server",
            "test_bench_peers",
            "test_dpop",
            "test_drills",
            "test_fast_server",
            "test_mcp_server",
            "test_mtls",
            "test_observability",
            "test_observability_workers",
            "test_other_machines",
            "test_prometheus",
            "test_soak",
            "test_start",
            "test_theft",
            "test_tls",
            "test_two_languages",
            "test_two_languages_page",
            "test_two_stacks",
            "test_workload_identity",
        ),
        OF_ITS_OWN,
    ),
    **dict.fromkeys(
        (
            "test_dialect",
            "test_links",
            "test_mcp_server_parts",
            "test_observability_parts",
            "test_standards",
            "test_teaching",
            "test_threats",
        ),
        STARTS_NOTHING,
    ),
    **dict.fromkeys(("test_lessons", "test_lesson_pages", "test_readme", "test_recipes"), PAGES),
    **dict.fromkeys(("test_algorithm_change", "test_secret_rotation"), EDITS),
    "test_graceful_stop": "signals local processes",
    "test_raw_requests": "sends what no proxy passes on",
    "test_postgresql_server": "is about a server of its own",
}
HERE = dict.fromkeys(  # test files that are run on this stack alone
    ("test_scale_once", "test_scale_without", "test_scale_walls"), "make test-scale runs it"
)
