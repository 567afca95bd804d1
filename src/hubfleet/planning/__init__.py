"""Pure: (declaration, observation) -> a plan of steps with reasons, refusals and a fingerprint.

Read `observation` (what a platform tells us), then `steps` (what may be done),
then `plan` (the decision). Nothing here reads a file, a clock or a socket.
"""
