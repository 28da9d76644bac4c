"""The import of exports of time entries: the inbox, CSV, the ledger, the rejects, the calls to the API.

A job fills an `ImportReport` and knows nothing of runs, settings or tokens: its HTTP session authenticates by
itself. It imports `calling_service.database` and nothing else of ours.
"""
