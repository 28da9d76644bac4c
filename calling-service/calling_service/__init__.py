"""The Timesheets Import Job: it obtains tokens and calls the API on behalf of itself."""
