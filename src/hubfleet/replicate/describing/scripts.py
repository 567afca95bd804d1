"""Programs in a bundle for people without hubfleet: they need Python and nothing else."""

from __future__ import annotations

RESTORE_HOMES = '''"""Unpack homes/*.tar of a bundle into a folder for each person, and shared ones.

    python restore_homes.py hubs/<hub> TARGET

Shared folders come beside TARGET. What is there already is left alone.
Check the bundle's digests first (see README.md).
"""

import json
import sys
import tarfile
from pathlib import Path


def kept(member, path):
    """Nothing that leads out, as tarfile's own filter has it; but with the rights that it had."""
    return tarfile.data_filter(member, path).replace(mode=member.mode & 0o777, deep=False)


def unpack(file, target):
    aside = target.with_name(".restoring-" + file.stem)
    with tarfile.open(file) as archive:
        archive.extractall(aside, filter=kept)
    aside.rename(target)


def main(source, target):
    manifest = json.loads((source.parent.parent / "manifest.json").read_text())
    homes = manifest["hubs"][source.name]["homes"]
    target.mkdir(parents=True, exist_ok=True)
    for person, number in sorted(homes.items()):
        if "/" in person or person in (".", "..") or (target / person).exists():
            print("left alone:", person)
            continue
        unpack(source / "homes" / (str(number) + ".tar"), target / person)
        print("restored:", person)
    for name in ("shared", "shared-readwrite"):
        file, folder = source / (name + ".tar"), target.parent / name
        if file.exists() and not folder.exists():
            unpack(file, folder)
            print("restored:", name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
'''

MAKE_ENVIRONMENTS = '''"""Make the software of a hub: a kernel for each folder of environment/.

    python make_environments.py hubs/<hub> TARGET

Each is a virtual environment. Exact versions come as wheels from the package index that uv, or else
pip, is set up for, and are checked by their hashes. The one called "default" becomes the kernel
that notebooks open with. What is there already is left alone. Scripts of a repository, such as
postBuild, are not run.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

EXACT = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r"]


def python_for(folder, uv):
    """The Python that the versions were chosen for, as runtime.txt says; uv finds it itself."""
    own = "python%d.%d" % sys.version_info[:2]
    file = folder / "runtime.txt"
    wanted = file.read_text().strip().replace("python-", "python") if file.exists() else own
    found = sys.executable if wanted == own else wanted if uv else shutil.which(wanted)
    if found is None:
        raise SystemExit("install " + wanted + " first: " + folder.name + " was locked for it")
    return found


def install(folder, target):
    python = str(target / "bin" / "python")
    wanted = [*EXACT, str(folder / "requirements.txt")]
    uv = shutil.which("uv")
    base = python_for(folder, uv)
    if uv:
        run(uv, "venv", "--quiet", "--no-python-downloads", "--python", base, str(target))
        run(uv, "pip", "install", "--quiet", "--python", python, *wanted)
    else:
        run(base, "-m", "venv", str(target))
        run(python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *wanted)


def run(*command):
    if subprocess.run(command).returncode:
        raise SystemExit("this failed: " + " ".join(command))


def add_kernel(target, name):
    python = str(target / "bin" / "python")
    called = "python3" if name == "default" else name
    kernels = target / "share" / "jupyter" / "kernels"
    # What ipykernel brings would run with whatever Python is first on the PATH.
    shutil.rmtree(kernels / "python3", ignore_errors=True)
    (kernels / called).mkdir(parents=True)
    argv = [python, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    said = {"argv": argv, "display_name": name, "language": "python"}
    (kernels / called / "kernel.json").write_text(json.dumps(said))


def main(source, target):
    target.mkdir(parents=True, exist_ok=True)
    for folder in sorted((source / "environment").glob("*")):
        made = target / folder.name
        if (made / "complete").exists():
            print("left alone:", folder.name)
            continue
        shutil.rmtree(made, ignore_errors=True)
        install(folder, made)
        add_kernel(made, folder.name)
        (made / "complete").touch()
        print("made:", folder.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
'''
