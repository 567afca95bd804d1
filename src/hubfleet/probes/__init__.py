"""Verdicts: does this hub work for a person, and if not, why?

`target` says where and as whom a probe acts, `person` walks a person's path through the hub,
`verdict` judges what was seen. Only `person` and what it imports know aiohttp.
"""
