"""`requirements.txt` as pip reads it, as far as packages come from the index by name.

`-r` and `-c` are followed inside the repository. What fetches from elsewhere is refused: whoever
writes a community's requirements does not choose what this machine reads or trusts.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field

from hubfleet.fleet.packages import package_fault
from hubfleet.fleet.trees import Tree
from hubfleet.kit.errors import Place, Problem

MOST_BYTES = 1_000_000
_DEEPEST = 10

_FOLLOWED = re.compile(
    r"(?P<option>-r|-c|--requirement|--constraint)(?:\s*=?\s*)(?P<file>[^\s=].*)"
)
_ELSEWHERE = re.compile(
    r"(?:-i|-f|--index-url|--extra-index-url|--find-links|--no-index|--trusted-host)\b|-e|--editable"
)
_HARMLESS = re.compile(r"(?:--prefer-binary|--only-binary)(?:[\s=].*)?")
_OURSELVES = re.compile(r"(?:(?:-e|--editable)[\s=]+)?\.(?:\s*\[[\w,\s.-]*\])?")
_COMMENT = re.compile(r"(?:^|\s)#.*")


@dataclass
class Requirements:
    """What files of requirements ask for. `project`: the repository itself (`.` or `-e .`)."""

    tree: Tree
    prefix: str
    wanted: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    project: bool = False
    read: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: str, line: int) -> Place:
        return Place(f"{self.prefix}{path}", line, 1 if line else 0)

    def problem(self, code: str, what: str, place: Place, why: str, hint: str) -> None:
        self.problems.append(Problem(code, what, place, why, hint))

    def take_file(self, path: str, *, constraint: bool = False, asked: Place | None = None) -> None:
        """Read a file and those that it names; a file that was read already is left out."""
        depth = len(self.read)
        if path in self.read or depth > _DEEPEST:
            return
        text = text_of(self.tree, path, self.prefix, self.problems, asked)
        if text is None:
            return
        self.read.append(path)
        for number, line in _lines(text):
            self.take_line(line, path, number, constraint=constraint)

    def take_line(self, line: str, path: str, number: int, *, constraint: bool = False) -> None:
        """One requirement or option, as written in line `number` of `path`."""
        place = self.place(path, number)
        followed = _FOLLOWED.fullmatch(line)
        if _OURSELVES.fullmatch(line) and not constraint:
            self.project = True
        elif followed:
            self._follow(followed, path, place, constraint=constraint)
        elif _ELSEWHERE.match(line) or "://" in line or "git+" in line:
            self._refuse_elsewhere(line, place)
        elif "--hash" in line:
            self.problem(
                "hash-in-requirements",
                "hashes belong in the lock, not in the requirements",
                place,
                "The lock holds the hash of every package, of those that others need too.",
                "remove `--hash=...`, then run `hubfleet environment lock HUB`",
            )
        elif _HARMLESS.fullmatch(line):
            return
        elif (fault := package_fault(line)) is not None:
            what, hint = fault
            self.problem("bad-package", what, place, "", hint)
        else:
            (self.constraints if constraint else self.wanted).append(" ".join(line.split()))

    def _follow(
        self, followed: re.Match[str], path: str, place: Place, *, constraint: bool
    ) -> None:
        named = followed["file"].strip().strip("\"'")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), named))
        if "://" in named:
            self._refuse_elsewhere(followed.string, place)
        elif named.startswith("/") or target.startswith(".."):
            self.problem(
                "outside-repository",
                f"`{named}` lies outside the repository",
                place,
                "Only files of the repository are reviewed with it.",
                "copy the file into the repository",
            )
        else:
            as_constraint = constraint or followed["option"] in ("-c", "--constraint")
            self.take_file(target, constraint=as_constraint, asked=place)

    def _refuse_elsewhere(self, line: str, place: Place) -> None:
        hidden = re.sub(r"://[^/\s]*@", "://...@", line)
        self.problem(
            "fetches-from-elsewhere",
            f"`{hidden}` fetches packages from elsewhere",
            place,
            "Environments on this platform take packages by name from the operator's index.",
            "name a package that the index has, or install it in `postBuild`",
        )


def text_of(
    tree: Tree, path: str, prefix: str, problems: list[Problem], asked: Place | None = None
) -> str | None:
    """The text of a file of the repository; None, and a problem, where it cannot be read."""
    place = asked or Place(f"{prefix}{path}")
    kind = tree.kind(path)
    what, hint = f"`{path}` is not there", "add it, or do not name it"
    if kind == "file":
        data = tree.read(path, MOST_BYTES)
        if data is None:
            what, hint = f"`{path}` is larger than 1 MB", "keep data in other files"
        else:
            try:
                return data.decode("utf-8-sig")
            except UnicodeDecodeError:
                what, hint = f"`{path}` is not UTF-8 text", "save it as UTF-8"
    elif kind == "link":
        what, hint = f"`{path}` is a link", "copy what it points to"
    elif kind is not None:
        what, hint = f"`{path}` is not a file", "put a file there"
    problems.append(Problem("bad-repository-file", what, place, hint=hint))
    return None


def _lines(text: str) -> list[tuple[int, str]]:
    """Lines with their numbers, without comments; a backslash at the end joins the next one."""
    found: list[tuple[int, str]] = []
    pending, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", raw).rstrip()
        first = first or number
        if line.endswith("\\"):
            pending += line[:-1]
            continue
        pending = (pending + line).strip()
        if pending:
            found.append((first, pending))
        pending, first = "", 0
    return [*found, (first, pending.strip())] if pending.strip() else found
