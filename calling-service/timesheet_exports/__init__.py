"""The exports of time trackers: the files of an inbox, the entries in their rows, and the rejects.

It knows nothing of HTTP, of OAuth or of what is booked, and imports nothing of ours.
"""
