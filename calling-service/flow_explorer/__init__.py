"""Seeing the flow: a recorded run as a page, as text and in other formats, and a gallery of cases to play.

The modules in this folder read a recorded run, and the rooms use them; the rooms page and terminal also use
formats and gallery. Of ours they import recording, calling_service.runs, calling_service.oauth_client and
calling_service.guard. Only calling_service.composition and calling_service.web import the explorer.
"""
