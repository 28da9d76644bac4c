"""The routes of the Timesheets API, a blueprint per concern."""
