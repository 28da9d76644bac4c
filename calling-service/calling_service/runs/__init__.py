"""A run of the import or of a case: starting it, its history, why it failed.

It imports `import_job`, `oauth_client`, `timesheet_exports`, and what every room may use (database, logs,
settings). service.py passes in what records the exchanges of a run.
"""
