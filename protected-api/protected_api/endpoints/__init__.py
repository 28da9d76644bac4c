"""The routes of the Timesheets API, a blueprint for each concern, and their description as OpenAPI.

This room imports resource_server/ (who may call) and timesheets/ (what they call for).
"""
