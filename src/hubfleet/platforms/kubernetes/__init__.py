"""Hubs on Kubernetes: Helm releases of the Zero to JupyterHub chart, one namespace each."""
