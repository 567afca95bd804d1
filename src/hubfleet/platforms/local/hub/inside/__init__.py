"""What runs inside a person's sandbox, seen there as `/run/hubfleet`; hubfleet itself is not."""
