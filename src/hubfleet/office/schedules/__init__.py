"""Due work: what is done again and again, by one runner at a time, and remembered.

`lease` says who may run, `running` claims what is due and writes down how it went, `keeping`
forgets old runs. Knows no other room: `site` says which functions there are.
"""
