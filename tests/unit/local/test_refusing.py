"""Starts that are refused in words, with a status that the probe takes for the cause."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from hubfleet.platforms.local.hub.refusing import (
    RefusedStartError,
    refuse_missing_software,
    refused_home,
)


@pytest.mark.parametrize(
    ("number", "why"),
    [(errno.EROFS, "Read-only file system"), (errno.ENOSPC, "No space left on device")],
)
def test_a_home_that_takes_no_files_is_said_in_words(number: int, why: str) -> None:
    refused = refused_home(OSError(number, why))
    assert isinstance(refused, RefusedStartError)
    assert (refused.status_code, refused.reason) == (507, "home-not-writable")
    assert refused.jupyterhub_message == (
        f"Your home takes no files ({why}). Ask the operator of this hub."
    )


def test_another_error_stays_as_it_is() -> None:
    error = OSError(errno.ECONNREFUSED, "Connection refused")
    assert refused_home(error) is error


def test_software_that_is_gone_is_said_before_a_start_fails(tmp_path: Path) -> None:
    refuse_missing_software(None)
    refuse_missing_software(str(tmp_path))
    with pytest.raises(RefusedStartError) as raised:
        refuse_missing_software(str(tmp_path / "gone"))
    assert (raised.value.status_code, raised.value.reason) == (424, "environment-missing")
    assert raised.value.jupyterhub_message == (
        "The software of this hub is missing. Ask the operator of this hub."
    )
