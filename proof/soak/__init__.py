"""Good, bad, slow and broken requests, while services are killed and keys change: `make soak`.

What it does and what it found: docs/soak.md. Not here: speed (bench).
"""
