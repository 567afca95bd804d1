"""When X, then Y: the only room of the office that writes across rooms. One function each.

`turns`: a hub turned, so incidents learn of it. `pages`: an incident changed, so whoever is on call
is told; somebody took a page on, so the incident is theirs.
"""
