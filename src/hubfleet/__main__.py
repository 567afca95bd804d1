"""`python -m hubfleet` is the same as `hubfleet`."""

from hubfleet.cli import main

main()
