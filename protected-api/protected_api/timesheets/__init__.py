"""The timesheets: what callers send, what the API answers, and the store. It imports no other room."""
