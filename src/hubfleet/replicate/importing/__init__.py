"""The way in: what others wrote for other programs becomes files of a fleet.

Each source (`z2jh`, `clusters_tree`, `tljh`, `running`, `nebari`, `hubploy`) becomes `Found` hubs,
whose values have the shape of the Zero to JupyterHub chart and remember where they stood.
`settling` makes declarations of them and a fate for every key; `writing` writes them, `report`
tells.
"""
