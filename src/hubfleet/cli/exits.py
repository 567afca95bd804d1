"""Exit codes; design of the product §9."""

DONE = 0
"""Done, or nothing to do."""
FAILED = 1
"""Refused or failed, with a known reason."""
WRONG_USAGE = 2
"""An unknown option, or one that does not fit."""
BUG = 3
"""Something that hubfleet did not foresee; a crash log is written and named."""
CHANGES = 4
"""`plan --exit-code`: changes are waiting."""
INTERRUPTED = 130
"""Ctrl-C."""
