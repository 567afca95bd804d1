"""Links that bring a repository into a person's home and open it: nbgitpuller's `git-pull` page.

The keys are nbgitpuller's own (`repo`, `branch`, `targetpath`, `urlpath`), see its handlers.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode, urlsplit

from hubfleet.kit.errors import HubfleetError, failure

_FORBIDDEN_IN_BRANCH = re.compile(r"[\s\x00-\x1f\x7f~^:?*\[\\]|\.\.|@\{|//|\.lock(/|$)|(^|/)\.")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_OPENS = {"lab": "lab/tree", "notebook": "tree"}


def pull_link(
    hub_url: str,
    repository: str,
    *,
    branch: str | None = None,
    path: str | None = None,
    interface: str = "lab",
) -> str:
    """A link that works for everybody who may sign in to the hub at `hub_url`.

    `path` is a file or folder of the repository; `interface` is a hub's: `lab`, `notebook`,
    `rstudio`, or a URL path, which is opened as it is. Raises `bad-link` for what git or
    nbgitpuller would not take.
    """
    folder = _check_repository(repository)
    query = {"repo": repository}
    if branch is not None:
        query["branch"] = _check_branch(branch)
    if folder != repository.rpartition("/")[2]:
        # nbgitpuller would call the folder `name.git`, or nothing at all.
        query["targetpath"] = folder
    query["urlpath"] = _opened(interface, "/".join([folder, *_check_path(path)]), path)
    return f"{hub_url.rstrip('/')}/hub/user-redirect/git-pull?{urlencode(query, quote_via=quote)}"


def _opened(interface: str, inside: str, path: str | None) -> str:
    if interface in _OPENS:
        # Encoded here too: the page sends the browser to exactly this text.
        return f"{_OPENS[interface]}/{quote(inside)}"
    if path is not None:
        raise _bad(f"{interface!r} cannot open a file by link", "use --interface lab or notebook")
    if interface == "rstudio":
        return "rstudio/"
    if interface.startswith("/") and not _UNPRINTABLE.search(interface):
        return interface.lstrip("/")
    raise _bad(
        f"{interface!r} is no interface", "write lab, notebook, rstudio, or a path such as /lab"
    )


def _check_repository(repository: str) -> str:
    """The name of the folder that the repository becomes."""
    hint = "write an address such as https://github.com/owner/name"
    if _UNPRINTABLE.search(repository):
        raise _bad("the repository's address holds a space or an unprintable character", hint)
    try:
        parts = urlsplit(repository)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _bad(f"{repository!r} is not an address", hint) from None
    if parts.username is not None or parts.password is not None:
        # Not repeated: it may be a token.
        raise _bad("the repository's address holds a user name or password", "leave it out")
    if parts.scheme != "https" or not host:
        raise _bad(f"{repository!r} is not an https address", hint)
    if "?" in repository or "#" in repository:
        raise _bad(f"{repository!r} holds `?` or `#`", "give the branch with --branch")
    name = parts.path.rstrip("/").rpartition("/")[2].removesuffix(".git")
    if name in {"", ".", ".."}:
        raise _bad(f"{repository!r} names no repository", hint)
    return name


def _check_branch(branch: str) -> str:
    if not branch or _FORBIDDEN_IN_BRANCH.search(branch) or branch[0] in "-/" or branch[-1] in "/.":
        raise _bad(f"{branch!r} cannot be the name of a branch", "write it as `git branch` does")
    return branch


def _check_path(path: str | None) -> list[str]:
    if path is None:
        return []
    parts = path.rstrip("/").split("/")
    if any(part in {"", ".", ".."} for part in parts) or "\0" in path:
        raise _bad(
            f"{path!r} is not a path in the repository", "write one such as notebooks/first.ipynb"
        )
    return parts


def _bad(what: str, hint: str) -> HubfleetError:
    return failure(code="bad-link", what=what, hint=hint)
