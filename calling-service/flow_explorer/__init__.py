"""Seeing the flow: a recorded run as a page, as text and in other formats, and a gallery of cases to play.

The modules in this folder read a recorded run, and the rooms use them; the rooms page and terminal also use
formats and gallery. Of our other packages they import recording and, of calling_service, runs, oauth_client
and guard. Only calling_service.composition and calling_service.web import the explorer.
"""
