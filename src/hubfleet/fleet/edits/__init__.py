"""Changes to the declaration as values, and what they make of the files' text. Pure.

`edit` says what may be changed, `making` turns edits into new texts of files, `text` changes one
file so that every comment and every other line stays as somebody wrote it, `flow` writes values.
Whether the result is a sound fleet is asked of `load_fleet`, by whoever is about to keep it.
"""
