"""Why a person's server is not started, in words for that person."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
from pathlib import Path

from jupyterhub.spawner import SpawnException


class RefusedStartError(SpawnException):
    """A server that is not started; pages and scripts get exactly these words."""

    def __init__(self, words: str, *, reason: str, status_code: int) -> None:
        super().__init__(words, reason=reason, status_code=status_code)
        # The page with the choices would show the name of the class and the code before them.
        self.jupyterhub_message = words


_NOT_WRITABLE = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EIO}


def refuse_missing_software(environment: str | None) -> None:
    """Raises RefusedStartError where the folder of the environment is gone."""
    if environment is not None and not Path(environment).is_dir():
        words = "The software of this hub is missing. Ask the operator of this hub."
        raise RefusedStartError(words, reason="environment-missing", status_code=424)


def refused_home(error: OSError) -> OSError | RefusedStartError:
    """The error in words for the person, when it says that the home takes no files."""
    if error.errno not in _NOT_WRITABLE:
        return error
    words = f"Your home takes no files ({error.strerror}). Ask the operator of this hub."
    return RefusedStartError(words, reason="home-not-writable", status_code=507)
