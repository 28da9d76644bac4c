"""A run as text in the terminal, and the commands that print one.

It may import the modules of flow_explorer, formats and gallery.
"""
