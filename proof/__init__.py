"""Proofs that take minutes or hours, and that `make test` therefore leaves out."""
