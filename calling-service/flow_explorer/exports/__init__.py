"""A run in other forms: curl commands, an HTTP Archive, a Mermaid diagram."""
