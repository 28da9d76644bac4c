"""The import of exports of time entries: the ledger, the chunks, the report, the calls to the API.

A job fills an `ImportReport` and knows nothing of runs, settings or tokens: its HTTP session authenticates by
itself. Of ours it imports `calling_service.database` and `timesheet_exports`, which reads the files.
"""
