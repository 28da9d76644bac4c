"""The map of the standards: what each demands, in data files, and the tests that show it, by their markers.

`documents/` has one file for each standard: to add one, add a file. `make standards` writes the page.
"""
