"""People's data: how much there is, whether it may be more, and nightly copies of it.

Read `people` (whose home is where) and `folders` (reading a home whose owner may change it at any
moment); `usage` and `measuring`; `quota`, `project_quota` and `admission`; then `snapshots` (what
there is), `taking` with `trees`, `copying`, `records` and `retention`; at last `restore`.
"""
