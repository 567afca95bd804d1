"""The console for programs: what pages show and do, as JSON under `/api/`.

`tokens` and `device` say who asks, `shapes` what goes in and out, one file for each kind of
operation, `description` joins them. Every operation asks `rights`, as pages do; a token's scopes
can only take away from what its person may do.
"""
