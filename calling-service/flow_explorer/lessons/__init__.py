"""The lessons: one data file each, what reads it, and what writes it as Markdown for docs/lessons.

It may import the modules of flow_explorer and no other room of it. The page shows the lessons.
"""
