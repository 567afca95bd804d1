"""Secrets of the declaration: encrypted values that the plan can compare but nobody can read.

`secret` is the opaque value that the rest of hubfleet carries around, `secret_yaml` reads a
`*.secret.yaml`, `findings` looks for secrets in plain files, `rewriting` writes, and `check` looks
at a whole fleet. Underneath: `age` (the cipher and the identity), `recipients`, `sops`, `keys`.
"""
