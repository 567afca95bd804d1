"""Nothing of a trial goes on when it is over."""

from __future__ import annotations

import subprocess

from hubfleet.replicate.trial.with_plain import _end


def test_a_service_that_knows_nothing_but_its_path_is_ended_too(tmp_path):
    python = tmp_path / "python" / "bin" / "python"
    environments = {"PATH": f"{python.parent}:/usr/bin:/bin"}, {"PATH": "/usr/bin:/bin"}
    hub, service, other = (
        subprocess.Popen(["/bin/sleep", "600"], env=environment)
        for environment in (environments[0], *environments)
    )
    with hub, service, other:
        try:
            _end(hub, tmp_path / "plain", python)
            assert hub.wait(10) < 0
            assert service.wait(10) < 0
            assert other.poll() is None, "it is not of the trial"
        finally:
            for process in (hub, service, other):
                process.kill()
