"""New clusters: a cluster file, and a module of OpenTofu or Terraform that makes the machines.

hubfleet creates nothing in a cloud. It writes the module (`new`); whoever may, applies it; what
came out is read back into the cluster file (`outputs`).
"""
