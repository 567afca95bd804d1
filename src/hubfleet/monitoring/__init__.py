"""What Prometheus, Alertmanager and Grafana are told of the fleet, and whether it makes sense.

Pure but for `writing` and `programs`. The way through: `watched` (what there is to watch),
`alerts` and `objectives` (rules), `routing` (who is told), `dashboards`, `bundle` (all of it as
files), `checking` (what is wrong with rules and routes, ours or somebody else's).
"""
