"""What stands beside the hubs on a cluster, as Helm releases of declared charts.

`planning` says what is to be done, `acting` does it in the cluster's own process, `journal` keeps
what was done.
"""
