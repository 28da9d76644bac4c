"""An MCP server in front of the Timesheets API: verifies its callers' tokens, and calls the API as itself.

It imports nothing of ours but the folder oauth_client, copied from the calling service.
asgi -> server -> timesheets_api, settings, call_log.
"""
