"""Both servers on PostgreSQL beside SQLite, as ratios. Not measured: HTTP."""
