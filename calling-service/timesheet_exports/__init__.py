"""The exports of time trackers: from the bytes of a CSV file to the entries in its rows, by a column map.

It knows nothing of the import, of HTTP or of OAuth, and imports nothing of ours.
"""
