"""The Timesheets API: it accepts access tokens and checks their scope."""
