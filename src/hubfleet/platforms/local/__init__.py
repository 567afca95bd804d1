"""Hubs as processes on this machine: no Kubernetes, no root, no containers.

`folders` and `spec` say what lies where; `keeper` is the one long-lived process that forks and
minds the hubs and their shared proxy; `hub` is what happens inside a forked hub; `sandbox` starts
people's servers; `environments` builds their software; `platform` is the adapter that the rest
of hubfleet sees.
"""
