"""The Timesheets API: endpoints/ has its routes, timesheets/ their data; resource_server/ lets callers in."""
