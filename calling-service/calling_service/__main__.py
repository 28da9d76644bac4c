"""`python -m calling_service`."""

from calling_service.cli import main

main(prog_name="calling_service")
