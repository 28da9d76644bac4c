"""Seeing the flow: a run as a page, as text and in other formats, a gallery of cases to play, and lessons.

explorer.py puts the rooms together; the other modules in this folder read a recorded run. The rooms page and
terminal also use comparison, formats and gallery, and page uses lessons. Of our other packages the explorer
imports recording and, of calling_service, runs, oauth_client and guard. It is imported by calling_service's
service, web and cli alone.
"""
