"""Two runs side by side: which arrows belong together, and which of their lines differ.

It reads recorded runs, and knows nothing of HTML. It may import the modules of flow_explorer.
"""
