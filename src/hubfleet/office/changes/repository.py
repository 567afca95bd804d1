"""The fleet's git repository: what is there, and how a commit gets there. Speaks to `git` alone.

Commits are made from git's own parts (contents, tree, commit, reference) and not with `git commit`:
what somebody else has staged stays out of them, nothing asks for a password or a signature, and
the branch moves only if nobody moved it in between.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hubfleet.kit.errors import HubfleetError, Problem, TransientError, failure
from hubfleet.kit.files import write_atomically

_PATIENCE = 10.0
"""Seconds to wait for somebody else's change."""
_OURS = ("PATH", "HOME", "LANG", "XDG_CONFIG_HOME", "SSL_CERT_FILE", "TMPDIR")
_BUSY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """Who wrote a commit; unfit characters are left out."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


def signature(name: str, email: str, otherwise: str) -> Signature:
    """`otherwise` stands in for a name that is empty."""
    plain = " ".join(re.sub(r"[<>\x00-\x1f\x7f]+", " ", name).split()).strip(".,:;\"'") or otherwise
    return Signature(plain[:200], re.sub(r"[<>\s\x00-\x1f\x7f]", "", email) or "unknown@invalid")


@dataclass(frozen=True)
class Repository:
    """`prefix` is the fleet's folder inside the repository: empty, or `fleet/`."""

    root: Path
    folder: Path
    """Where git keeps its own files."""
    prefix: str

    # ---- what is there -------------------------------------------------------------------------

    def branch(self) -> str:
        """The branch of the work tree; raises `no-branch` and `git-busy`."""
        for mark, what in _BUSY.items():
            if (self.folder / mark).exists():
                raise failure(
                    "git-busy",
                    f"{what} is under way in the fleet's repository",
                    place=str(self.root),
                    why="A commit now would become part of it.",
                    hint="finish it or abort it, then try again",
                )
        try:
            return self.git("symbolic-ref", "--quiet", "--short", "HEAD").strip()
        except HubfleetError:
            raise failure(
                "no-branch",
                "the fleet's repository is on no branch",
                place=str(self.root),
                why="A commit there would belong to nothing.",
                hint="run `git switch main` (or the branch you use) in the fleet's folder",
            ) from None

    def head(self, of: str = "HEAD") -> str:
        """The commit; raises `no-commit` in a repository without any."""
        found = self._maybe("rev-parse", "--verify", "--quiet", f"{of}^{{commit}}").strip()
        if not found:
            raise failure(
                "no-commit",
                "the fleet's repository has no commit yet",
                place=str(self.root),
                hint="run `git add . && git commit -m 'The fleet as it is'` in the fleet's folder",
            )
        return found

    def exists(self, reference: str) -> bool:
        return bool(self._maybe("rev-parse", "--verify", "--quiet", reference).strip())

    def contains(self, commit: str, of: str = "HEAD") -> bool:
        """Whether the commit is part of a branch's history."""
        try:
            self.git("merge-base", "--is-ancestor", commit, of)
        except HubfleetError:
            return False
        return True

    def text(self, file: str) -> str:
        """The file in the work tree; raises unless it is exactly what was committed last."""
        path = self.root / file
        if path.is_symlink() or not path.is_file():
            raise failure(
                "not-a-plain-file",
                "this is no plain file",
                place=file,
                why="Through a link another file would be changed.",
                hint="put the file itself there",
            )
        name = self.prefix + file
        if self.git("status", "--porcelain", "--no-renames", "--ignored", "--", f":(top){name}"):
            raise failure(
                "uncommitted-change",
                "somebody has changed this file and not committed it",
                place=file,
                why="A commit made now would take their unfinished work with it.",
                hint=f"look at it with `git diff HEAD -- {file}`, then commit or restore it",
            )
        return path.read_bytes().decode("utf-8")

    # ---- a commit ------------------------------------------------------------------------------

    def blob(self, text: str) -> str:
        """Keep a text as contents; its name."""
        return self.git("hash-object", "-w", "--stdin", given=text).strip()

    def commit(
        self,
        blobs: Mapping[str, str],
        parent: str,
        author: Signature,
        committer: Signature,
        message: str,
    ) -> str:
        """A commit that no branch knows yet: `parent` with these files' contents."""
        index = self.folder / f"hubfleet-index-{os.getpid()}-{time.monotonic_ns()}"
        more = {"GIT_INDEX_FILE": str(index)}
        try:
            self.git("read-tree", parent, more=more)
            for file, blob in blobs.items():
                entry = f"{self._mode(file, parent)},{blob},{self.prefix}{file}"
                self.git("update-index", "--add", "--cacheinfo", entry, more=more)
            tree = self.git("write-tree", more=more).strip()
        finally:
            index.unlink(missing_ok=True)
        people = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_COMMITTER_NAME": committer.name,
            "GIT_COMMITTER_EMAIL": committer.email,
        }
        return self.git("commit-tree", tree, "-p", parent, given=message, more=people).strip()

    def _mode(self, file: str, parent: str) -> str:
        listed = self.git("ls-tree", parent, "--", f":(top){self.prefix}{file}") or "100644 "
        return listed.split(" ", 1)[0]

    def move(self, branch: str, new: str, old: str, why: str) -> None:
        """Let the branch end with `new`; raises `branch-moved` when it did not end with `old`."""
        try:
            self.git("update-ref", "-m", why, f"refs/heads/{branch}", new, old or "0" * len(new))
        except HubfleetError as error:
            raise TransientError(
                Problem(
                    "branch-moved",
                    f"somebody else committed to `{branch}` at the same moment",
                    str(self.root),
                    str(error.problems[0].why),
                    "try again",
                )
            ) from None

    def check_out(self, file: str, text: str, blob: str) -> None:
        """Make the work tree and git's index show what was committed."""
        path = self.root / file
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        write_atomically(path, text, mode=mode)
        entry = f"{self._mode(file, 'HEAD')},{blob},{self.prefix}{file}"
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self.git("update-index", "--add", "--cacheinfo", entry)
                return
            except HubfleetError:
                # Somebody's git holds the index for a moment.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    # ---- the program ---------------------------------------------------------------------------

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other changes out; raises `change-under-way` after ten seconds."""
        deadline = time.monotonic() + _PATIENCE
        with (self.folder / "hubfleet-changes.lock").open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise _under_way(self.root) from None
                    time.sleep(0.02)
            yield

    def git(self, *words: str, given: str = "", more: Mapping[str, str] | None = None) -> str:
        """What git answers; raises `git-failed` with its words."""
        return run_git(self.root, *words, given=given, more=more)

    def _maybe(self, *words: str) -> str:
        try:
            return self.git(*words)
        except HubfleetError:
            return ""


def open_repository(root: Path) -> Repository:
    """Raises `not-a-repository` and `git-missing`."""
    try:
        answer = run_git(root, "rev-parse", "--absolute-git-dir", "--show-prefix")
    except HubfleetError as error:
        if error.problems[0].code == "git-missing":
            raise
        raise failure(
            "not-a-repository",
            "the fleet's folder is not in a git repository, so the console is read-only",
            place=str(root),
            why=_why_none(str(error.problems[0].why)),
            hint="run `git init && git add . && git commit -m 'The fleet as it is'` in that folder"
            if "not a git repository" in str(error.problems[0].why)
            else "mend what git says about it",
        ) from None
    folder, prefix = [*answer.split("\n"), ""][:2]
    return Repository(root, Path(folder), prefix)


def _why_none(said: str) -> str:
    """Git's usual words in ours; others, such as those on a folder of somebody else, stay."""
    if "not a git repository" in said:
        return "Changes from the console are commits, and there is nothing to commit to."
    return f"git says: {said}"


def run_git(root: Path, *words: str, given: str = "", more: Mapping[str, str] | None = None) -> str:
    """`git` in a folder, without the environment of whoever started us."""
    environment = {name: os.environ[name] for name in _OURS if name in os.environ}
    environment |= {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C.UTF-8",
        **(more or {}),
    }
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words],
            input=given.encode(),
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
    except FileNotFoundError:
        raise failure(
            "git-missing",
            "the program git is not installed",
            why="Changes from the console are commits.",
            hint="install git, for example with `apt install git`",
        ) from None
    if done.returncode:
        raise failure(
            "git-failed",
            f"git {words[0]} did not succeed",
            place=str(root),
            why=done.stderr.decode(errors="replace").strip()[:1000],
            hint="run `git status` in the fleet's folder and mend what it says",
        )
    return done.stdout.decode(errors="replace")


def _under_way(root: Path) -> HubfleetError:
    return TransientError(
        Problem(
            "change-under-way",
            "somebody else's change takes longer than ten seconds",
            str(root),
            hint="try again",
        )
    )
