"""How hubs are used: samples become sessions, counts of people, and days.

`sampling.work` is called every minute: it reads every hub and `keeping` stores what is new, by the
arithmetic of `days` and the periods of `periods`. People are kept as keyed hashes (`hashing`) and
`forgetting` deletes them; the numbers stay. `numbers` answers whoever asks, `words` defines.
"""
