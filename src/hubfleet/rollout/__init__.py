"""Carries out a plan: gates first, in waves, with a way back, a journal, and one lease.

Read `ports` (what it needs from outside), then `walk` (who may begin), `course` (what happens to
one hub) and `engine` (the loop that joins them). `resume` says what a crash leaves to do; `crew`
is real or virtual time. There is no memory of the world: after a crash, observe and plan again.
"""
