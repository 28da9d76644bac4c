"""Seeing the flow: a recorded run as a page, as text and in other formats, and a gallery of cases to play.

explorer.py puts the rooms together; the other modules in this folder read a recorded run. The rooms page and
terminal also use formats and gallery. Of our other packages the explorer imports recording and, of
calling_service, runs, oauth_client and guard. It is imported by calling_service's service, web and cli alone.
"""
