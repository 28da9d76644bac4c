"""The Timesheets Import Job: a small Flask service that obtains tokens and calls the API on behalf of itself.

Its rooms are oauth_client (the folder to copy), import_job and runs; runs imports the two others. The modules
beside them make a service of them; service.py, web.py and cli.py alone know `recording` and `flow_explorer`.
"""
