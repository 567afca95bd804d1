"""Container images of a hub: which ones it names, and which digest a tag means now.

`reference` reads a name, `found` finds names in a declaration, `registry` is the port; `client`
asks real registries, and `network` bounds what they may do.
"""
