"""Which test files run on the stack of deploy/scale alone, which run elsewhere alone, and why.

`make test-scale` runs the whole suite there, but for what ELSEWHERE names, and kills replicas meanwhile,
but for what UNDISTURBED names.
"""

OF_ITS_OWN = "starts stacks of its own, which are not about replicas"
STARTS_NOTHING = "compares files of the checkout, and starts nothing"
PAGES = "follows pages that show the stack without an overlay"
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
    "test_graceful_stop": "signals local processes",
    "test_postgresql_server": "is about a server of its own",
}
HERE = dict.fromkeys(  # test files that are run on this stack alone
    ("test_scale_once", "test_scale_replicas", "test_scale_walls", "test_scale_without"),
    "make test-scale runs it",
)
UNDISTURBED = {  # a test file or a test during which no replica is killed, and why
    "test_gallery": "compares single answers; the module's fixture plays the cases while replicas are killed",
    "test_page": "compares each message of a run, and a call that is repeated is one more",
    "test_side_by_side": "compares each message of a run, and a call that is repeated is one more",
    "test_raw_requests": "sends each request once, over a socket",
    "test_revocation": "calls by a session that repeats nothing",
    "test_the_run_records_each_exchange_and_no_secret": "a call that is repeated is recorded too",
    "test_refuses_a_token_once_it_has_expired": "has a token that lives for two seconds",
    "test_the_secret_authenticates_with_and_without_form_encoding": "calls without repeating",
    "test_an_api_that_keeps_keys_for_longer_than_they_are_announced_refuses_new_tokens": (
        "needs an API that fetched the keys some time ago, and one that starts again fetches them"
    ),
    "test_the_tokens_of_a_revoked_key_are_refused_within_the_soft_time": "measures how soon",
}
