"""The gallery: cases that each change one thing about the flow, and what plays them on the running services.

It may import the modules of flow_explorer and no other room of it.
"""
