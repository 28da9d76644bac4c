"""The import: from the exports in the inbox to the API, with a ledger and rejects files."""
