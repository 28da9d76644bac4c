"""The page: a run's diagram and one opened item of it as HTML, with its templates, style and script.

It may import the modules of flow_explorer, formats, gallery and lessons.
"""
