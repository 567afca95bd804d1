"""Why a person's server is not started, in words for that person."""

# mypy: allow-untyped-calls

from __future__ import annotations

from jupyterhub.spawner import SpawnException


class RefusedStartError(SpawnException):
    """A server that is not started; pages and scripts get exactly these words."""

    def __init__(self, words: str, *, reason: str, status_code: int) -> None:
        super().__init__(words, reason=reason, status_code=status_code)
        # The page with the choices would show the name of the class and the code before them.
        self.jupyterhub_message = words
