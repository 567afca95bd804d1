"""Readings of use: which servers run on a hub, what they asked for and take, how starts went.

`reading.read_hub` asks a hub's own API and returns a `HubSample` (`samples`). `counters` reads the
hub's histogram of starts, `requested` says what a server was promised. Who keeps samples, and in
which form, is decided above.
"""
