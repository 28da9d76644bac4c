"""Seeing the flow: diagram, page, terminal, exports, gallery. It works on recorded runs alone."""
