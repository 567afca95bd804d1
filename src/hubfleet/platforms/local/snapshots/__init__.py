"""Going back to an earlier revision of a hub: what is kept for it, and the way back.

    <hub>/revisions/0007-r3/snapshot.json   written last: what is in it, digests of the files
    <hub>/revisions/0007-r3/spec.json       what the hub ran: configuration, environment, software
    <hub>/revisions/0007-r3/hub.sqlite      a consistent, checked copy of the hub database
    <hub>/revisions/0007-r3/secrets.json    the declaration's secret values, and no other secret
    <hub>/revisions/0007-r3/people.json     users, admins, groups, and whose home is which
    <hub>/revisions/rollback.json           a rollback that is under way, or was cut off
    <hub>/revisions/replaced/               the database that the last rollback replaced

`shelf` knows what is there, `taking` makes a snapshot, `keeping` says which may go, `restoring`
goes back, with `merging` for what happened since, and `preview` says it all beforehand.
`database` is what they know of SQLite and of JupyterHub's schema.

The hub's own secrets (tokens, passwords, the cookie's) are not copied: they are made once for a
hub's life, no revision changes them, and a second copy would only be a second thing to lose. Homes
have snapshots of their own, in `homes`.
"""
