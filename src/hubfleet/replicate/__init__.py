"""The right to replicate: a hub goes out as a bundle, and comes in from elsewhere.

Out: `export` writes what `describing` says and what `data` copies, in the shape of `bundle`;
`images` asks registries what tags mean.
In: `adopting` makes a bundle part of a fleet, `trial` proves that one works, `importing` reads
what was written for other programs. `audit` says what of a hub could not be taken along.
"""
