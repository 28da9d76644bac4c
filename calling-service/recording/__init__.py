"""What crosses the wire: captured at the HTTP adapter, redacted there, kept as one typed value (exchange.py).

It imports nothing of ours. Whatever shows a run imports from here.
"""
