"""The declaration: a folder of YAML becomes a typed `Fleet`, or all that is wrong with it.

Read `model` (what can be declared), `yaml` (values that know their line), `layers` (which
file wins), `load` (the recipe), `checks` (what a schema cannot say), `schema` (for editors).
"""
