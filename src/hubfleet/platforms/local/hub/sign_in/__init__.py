"""Signing in to a hub: who may, by which way, and what people read when they may not.

`people` holds what is true for every way, `names` what people are called, `identities` who owns a
name; `password` is the shared password; `provider` is what all OAuth providers have in common,
`known_providers` GitHub, Google and CILogon, `oidc` any OpenID Connect provider, `console` the
console of the service; `settings` turns the declaration into the configuration of one of them.
"""
