"""What knows nothing of hubs: errors with place and cure, units, clock, files.

Start with `errors`: every message a person reads goes through it.
"""
