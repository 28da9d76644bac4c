"""A run in formats for other programs: curl commands, an HTTP Archive, a Mermaid diagram.

It may import the modules of flow_explorer and no other room of it.
"""
