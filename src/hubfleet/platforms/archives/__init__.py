"""A folder as one archive, the same bytes wherever it is read: on this machine or inside a pod.

These files are also sent into pods, where nothing but Python's standard library is: they import
each other alone. `headers` is the dialect, `tree` writes it, `reasons` says what was left out.
"""
