"""The memory of what happened: rollouts, their acts, the revisions of hubs, and the fleet's lease.

`place` says where it is kept, `ledger` opens it and is the journal that a rollout writes to,
`lease` keeps two rollouts apart, `history` reads. Finished rows never change; the database itself
refuses it (migration 2).
"""
