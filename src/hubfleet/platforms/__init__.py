"""Platforms: the adapters that run hubs on a cluster.

`platform` is the protocol that all of them keep, checked by one contract suite;
`local` runs hubs as processes on this machine.
"""
