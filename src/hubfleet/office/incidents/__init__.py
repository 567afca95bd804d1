"""What is broken, who is on it, what was told, and what was learned.

`intake` takes alerts and turns of hubs and makes or updates incidents by what `grouping` decides;
`acting` is what people do; `following` writes the timeline that nobody has to type and ends what
is over; `reports`, `drafting` and `redaction` are the report. Decisions are in modules without
Django: `words`, `troubles`, `grouping`, `clocks`, `working_days`, `drafting`, `redaction`.
"""
