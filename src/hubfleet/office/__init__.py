"""The office: what people did, decided and owe. The only place that knows Django.

`ledger` is the memory of rollouts and revisions; `site` joins the rooms to Django. Rooms name a
hub by its text, `community/hub`, and never point into another room's tables: git declares what
should be, platforms show what is, the office remembers what happened.
"""
