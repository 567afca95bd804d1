"""Faults put into a real fleet on purpose, one after another, and taken back.

`lab` has the fleet and looks at it as the console does; `kinds` has the faults; `stand_ins` are
what stands between the probe and the hubs for some of them.
"""
