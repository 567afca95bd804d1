"""Who has nothing to record does not pay for Django."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleets import write_fleet

_LOADED = """
import sys
from hubfleet.cli import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end
print("django" in sys.modules, file=sys.stderr)
"""


def imports_django(folder: Path, *arguments: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *arguments, "--state", str(folder / "state")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = done.stderr.splitlines()[-1]
    assert said in {"True", "False"}, done.stderr
    return said == "True"


def test_plan_and_the_history_of_an_empty_place_import_no_django(tmp_path):
    write_fleet(tmp_path / "fleet", {"ant/prod": {}})
    assert not imports_django(tmp_path, "plan", "--fleet", str(tmp_path / "fleet"))
    assert not imports_django(tmp_path, "history")
    assert not imports_django(tmp_path, "history", "--json")


def test_validate_imports_no_django(tmp_path):
    write_fleet(tmp_path / "fleet", {"ant/prod": {}})
    code = _LOADED.replace("sys.argv[1:]", "['validate', '--fleet', sys.argv[1]]")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "fleet")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr.splitlines()[-1] == "False", done.stderr


def test_what_opens_a_ledger_does(tmp_path):
    """The question itself can be answered with yes."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal.jsonl").write_text("")
    assert imports_django(tmp_path, "history")


_WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
from pathlib import Path
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.site.opening import open_ledger
try:
    open_ledger(Path("."), "postgresql:///hubs", version="0.1.0")
except HubfleetError as error:
    print(error)
"""


@pytest.mark.parametrize(("module", "extra"), [("django", "office"), ("psycopg", "postgresql")])
def test_a_package_that_is_missing_is_named_with_its_extra(module, extra):
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, module], capture_output=True, text=True, check=False
    )
    assert done.stdout == (
        f"error[office-not-installed]: hubfleet cannot remember what it does: {module} is missing\n"
        f"  why: it comes with the extra `{extra}`\n"
        f"  hint: install hubfleet with it: pip install 'hubfleet[{extra}]'\n"
    ), done.stderr
