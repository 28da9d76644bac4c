"""Actions: an operator's own rules, which can only narrow what is granted.

It may import the modules beside the rooms.
"""
