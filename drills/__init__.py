"""Drills: break one thing in a stack of its own, count what happens to calls and bookings, and print it.

A module in `scenes/` is a drill. Its wrong twin leaves one protection out and shows the damage. A drill never
touches the data of the checkout: it runs on a copy with ports of its own, which it removes at the end.
Nothing that runs in production imports this package.
"""
