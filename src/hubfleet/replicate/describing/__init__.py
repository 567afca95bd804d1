"""What a bundle says, out of the declaration alone. Pure: values in, texts out.

`strangers` knows whose names must not be in it, `declaring` makes the fleet of its own, `pinning`
writes digests of images into it, `chart` and `plain` say the same for people without hubfleet,
`pages` says it to people.
"""
