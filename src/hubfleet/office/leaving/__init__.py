"""How a community leaves: an ending that two people agree on, and proof that nothing is left.

`dates` is the arithmetic; `ending` the acts that people do; `turning` what is due by itself;
`evidence` looks for what a hub leaves behind, `erasing` deletes it, `certificate` says so on paper.
`takes` makes the bundle that a representative takes along, at any time.
"""
