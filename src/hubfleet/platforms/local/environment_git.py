"""Fetching one commit of a repository behind an address, once, with the git program.

Nothing of what is fetched runs: no hooks, no filters, no submodules, and links are written as
text. A commit names its content, so what was fetched once is never fetched again, and a tag or
branch that moved cannot change anything.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hubfleet.fleet.trees import MOST_BYTES, MOST_FILES
from hubfleet.kit.errors import HubfleetError, Place, failure

SECONDS = 300
MOST_FETCHED = 500_000_000

_NOTHING = {
    "core.hooksPath": os.devnull,
    "core.symlinks": "false",
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "credential.helper": "",
    "submodule.recurse": "false",
    "fetch.fsckObjects": "true",
    "gc.auto": "0",
    "protocol.allow": "never",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A commit of a repository, and where it is declared."""

    url: str
    commit: str
    place: Place | None = None


def fetched(folder: Path, source: Source) -> Path:
    """Where the files of the commit lie once they were fetched."""
    name = hashlib.sha256(source.url.encode()).hexdigest()[:16]
    return folder / f"{name}-{source.commit}"


def fetch(
    folder: Path,
    source: Source,
    report: Callable[[str], None],
    *,
    protocols: Sequence[str] = ("https",),
    seconds: float = SECONDS,
) -> Path:
    """The files of the commit; the second call finds them. Leaves nothing half-fetched.

    `protocols` is for tests, which have no https server.
    """
    target = fetched(folder, source)
    if target.is_dir():
        return target
    report(f"fetching {source.url}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".fetching-", dir=folder))
    try:
        git = _Git(work / "repository", work / "files", source, tuple(protocols), seconds)
        git.fetch()
        with suppress(OSError):  # somebody else was quicker
            (work / "files").rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


@dataclass(frozen=True, slots=True)
class _Git:
    repository: Path
    files: Path
    source: Source
    protocols: tuple[str, ...]
    seconds: float

    def fetch(self) -> None:
        self.files.mkdir()
        self._run("init", "--quiet", "--bare", "--template=", "--", str(self.repository))
        self._run(
            *("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"),
            *("--no-auto-maintenance", "--", self.source.url, self.source.commit),
        )
        here = self._run("rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()
        if here != self.source.commit:
            raise self._failure("commit-not-there", "the commit is not in the repository", here)
        self._check_files(self._run("ls-tree", "-r", "-z", "--long", self.source.commit))
        self._run(f"--work-tree={self.files}", "checkout", "--quiet", self.source.commit, "--", ".")

    def _check_files(self, listing: str) -> None:
        entries = [entry.partition("\t") for entry in listing.split("\0") if entry]
        sizes = [int(size) for head, _, _ in entries if (size := head.split()[3]).isdigit()]
        if len(entries) > MOST_FILES or sum(sizes) > MOST_BYTES:
            raise self._failure(
                "repository-too-large",
                "the repository is too large for an environment",
                f"it has {len(entries)} files of {sum(sizes) // 1_000_000} MB together; "
                f"at most {MOST_FILES} of {MOST_BYTES // 1_000_000} MB are taken",
            )
        for head, _, path in entries:
            mode = head.split()[0]
            if mode not in ("100644", "100755"):
                kind = "a link" if mode == "120000" else "a submodule"
                raise self._failure(
                    "bad-repository-file",
                    f"the repository holds {kind}: {path!a}",
                    "it would lead to files that are not reviewed with the commit",
                )

    def _run(self, *arguments: str) -> str:
        settings = {**_NOTHING, **{f"protocol.{name}.allow": "always" for name in self.protocols}}
        command = ["git", f"--git-dir={self.repository}"]
        command += [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        with subprocess.Popen(
            [*command, *arguments],
            env=_environment(),
            cwd=self.files,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            with suppress(ProcessLookupError):
                limits = (MOST_FETCHED, MOST_FETCHED)
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
            try:
                output, messages = process.communicate(timeout=self.seconds)
            except BaseException as error:
                _end(process)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise self._failure(
                        "repository-unreachable",
                        "the repository was not fetched in time",
                        f"git took more than {self.seconds:.0f} seconds",
                    ) from None
                raise
        if process.returncode:
            raise self._explain(messages)
        return output

    def _explain(self, messages: str) -> HubfleetError:
        said = [line.removeprefix("fatal: ").removeprefix("error: ") for line in _lines(messages)]
        why = next((line for line in said if line), "git gave no reason")
        low = messages.lower()
        if any(sign in low for sign in ("not our ref", "unadvertised object", "couldn't find")):
            what = f"the commit {self.source.commit[:12]} is not in the repository"
            return self._failure("commit-not-there", what, why)
        signs = ("not found", "does not appear to be", "does not exist", "terminal prompts")
        if any(sign in low for sign in signs) and "resolve host" not in low:
            what = "there is no such repository, or it is not public"
            return self._failure("no-such-repository", what, why)
        if "file too large" in low or "file size limit" in low or "signal 25" in low:
            return self._failure("repository-too-large", "the repository is too large", why)
        return self._failure("repository-unreachable", "the repository cannot be fetched", why)

    def _failure(self, code: str, what: str, why: str) -> HubfleetError:
        hints = {
            "commit-not-there": f"`git ls-remote {self.source.url}` shows what it has; "
            "a commit goes away when its branch is deleted or rewritten",
            "no-such-repository": "correct the address; private repositories are not fetched, "
            "copy one into the community's folder instead",
            "repository-unreachable": "check this machine's network and try again; "
            "a commit that was fetched once needs none",
            "repository-too-large": "keep data elsewhere; it does not belong to an environment",
            "bad-repository-file": "name a commit without it",
        }
        return failure(code, what, place=self.source.place, why=why, hint=hints[code])


def _lines(messages: str) -> list[str]:
    return [line.strip() for line in messages.splitlines()]


def _end(process: subprocess.Popen[str]) -> None:
    """Git has helpers of its own, all in its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()


def _environment() -> dict[str, str]:
    """Nobody's settings, nobody's credentials, and nobody who could be asked."""
    kept = ("PATH", "LANG", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE")
    return {
        **{key: os.environ[key] for key in kept if key in os.environ},
        "HOME": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_SSH_COMMAND": "false",
        "LC_ALL": "C",
    }
