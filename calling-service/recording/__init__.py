"""What crossed the wire: captured at the HTTP adapter, redacted at capture, kept as one typed value."""
