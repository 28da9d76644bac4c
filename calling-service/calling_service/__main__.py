"""`python -m calling_service`."""

from .cli import main

main(prog_name="calling_service")
