"""The theft table, docs/theft.md: what a thief can do with what was stolen from a client, by experiment.

A client of each rung works through a proxy that writes down the bytes on the wire. What it has and sends is
then stolen, and tried out by another process (thief.py) that knows nothing else: at once, a second time,
after everything that expires has expired, and after the operator has replaced the credential.
"""
