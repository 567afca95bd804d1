"""Proving that a bundle works: it is stood up in a place of its own, tried, compared, taken away.

`verify` is the way in. `with_hubfleet` uses the local platform, `with_plain` stock JupyterHub from
the bundle's own configuration; `comparing` says what differs from the manifest's promises.
"""
