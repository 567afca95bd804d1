"""A Python for a trial in which hubfleet cannot be imported, and everything else can."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

from hubfleet.kit.errors import failure

_OURS = ("hubfleet", "_hubfleet", "__editable__")
_PROGRAMS = {"jupyterhub": "jupyterhub.app", "jupyterhub-singleuser": "jupyterhub.singleuser"}
_IS_THERE = "import jupyterhub, importlib.util as u; print(u.find_spec('hubfleet'))"


def make_python(folder: Path) -> Path:
    """A virtual environment with everything that is installed here, but for hubfleet.

    Raises `hubfleet-importable` where that did not work.
    """
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(folder)],
        check=True,
        capture_output=True,
    )
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    target = folder / "lib" / version / "site-packages"
    for key in ("purelib", "platlib"):
        for entry in Path(sysconfig.get_path(key)).iterdir():
            if not entry.name.startswith(_OURS) and not entry.name.endswith(".pth"):
                with suppress(FileExistsError):
                    (target / entry.name).symlink_to(entry)
    python = folder / "bin" / "python"
    for name in ("share", "etc"):
        # Templates of JupyterHub, and which extensions JupyterLab has.
        there = Path(sysconfig.get_path("data")) / name
        if there.is_dir() and not (folder / name).exists():
            (folder / name).symlink_to(there)
    for name, module in _PROGRAMS.items():
        script = folder / "bin" / name
        script.write_text(f"#!{python}\nfrom {module} import main\nmain()\n")
        script.chmod(0o755)
    found = subprocess.run(
        [str(python), "-c", _IS_THERE],
        cwd=folder,
        env={"PATH": os.environ.get("PATH", "")},
        capture_output=True,
        text=True,
        check=False,
    )
    if found.stdout.strip() != "None":
        raise failure(
            "hubfleet-importable",
            "no Python without hubfleet could be made",
            place=str(folder),
            why=(found.stderr or found.stdout).strip()[-300:],
            hint="install JupyterHub, and try the bundle's README by hand",
        )
    return python
