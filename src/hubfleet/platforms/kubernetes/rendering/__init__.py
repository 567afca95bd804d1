"""Declared hubs as values of the Zero to JupyterHub chart, and back.

Pure: the same hub, cluster and pins give the same values, byte for byte. Begin at `values`;
`schema` checks what came out against the chart's own rules, `adopting` is the way back.
"""
