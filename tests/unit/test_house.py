"""The walls of the house: who may import whom, how large files may be, how folders are named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NO_NAMES = {"utils", "util", "helpers", "helper", "managers", "manager", "services", "common"}


def our_python_files() -> list[Path]:
    folders = ("src", "tests", "benchmarks", "docs")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return [path for path in found if "_build" not in path.parts]


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--config", str(root / ".importlinter"), "--no-cache"]
    environment = {"PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_imports_go_one_way() -> None:
    checked = lint_imports(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_import_against_the_walls_is_found(tmp_path: Path) -> None:
    for name in (".importlinter", "src"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    wrong = tmp_path / "src" / "hubfleet" / "planning" / "steps.py"
    wrong.write_text(wrong.read_text() + "\nimport subprocess\n")
    checked = lint_imports(tmp_path)
    assert checked.returncode == 1
    assert "hubfleet.planning.steps -> subprocess" in checked.stdout


def test_no_file_is_longer_than_500_lines() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in our_python_files()}
    assert lengths
    assert {str(path): length for path, length in lengths.items() if length > 500} == {}


def test_names_say_what_is_inside() -> None:
    parts = {part for path in our_python_files() for part in path.relative_to(ROOT).parts}
    assert {part for part in parts if part.removesuffix(".py") in NO_NAMES} == set()


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    suffixes = {".py", ".md", ".yaml", ".toml", ".cfg", ""}
    folders = ("src", "docs", "examples", "scripts", "tests", "benchmarks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = [path for path in files if path.suffix in suffixes and "__pycache__" not in path.parts]
    private = ("/" + "work/", "/" + "root/")
    guilty = [
        str(path)
        for path in texts
        if "_build" not in path.parts and any(word in path.read_text() for word in private)
    ]
    assert guilty == []
