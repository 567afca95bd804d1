"""Who did what, when, to which hub, from where: a record that only grows.

`record` writes an entry, `entries` reads and filters them; the database itself refuses to change or
delete one (migration 2).
"""
