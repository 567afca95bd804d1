"""What the console sees of the running fleet, again and again: sightings, availability, probes.

`observing.look` is called by the site every few seconds. `latest` has the last look for pages,
`availability` is the arithmetic of days, `probing` walks a person's path when somebody asks for it.
"""
