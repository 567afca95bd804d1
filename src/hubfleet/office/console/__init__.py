"""The pages for people. The only room that reads across all others; it writes to none by itself.

`seeing` says what a visitor may see, `glance` gathers the fleet's present state, and each page has
one module and one template. Pages work without scripts; scripts only refresh parts of them.
"""
