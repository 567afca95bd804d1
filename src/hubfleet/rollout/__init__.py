"""Walks a plan: gates first, a limit on what runs at once, a journal before and after each act.

`engine` is the walk, `journal` the memory of intentions, `lease` keeps two rollouts apart.
There is no memory of the world: after a crash, observe and plan again.
"""
