"""Reminders of what is owed."""


def remind() -> None: ...
