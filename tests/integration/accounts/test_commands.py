"""`hubfleet responsibilities` and `hubfleet who-can`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.fleets import write_fleet

HUBS = {
    "ant/prod": {"access": {"sign_in": "console", "admins": ["ada", "al"]}},
    "bee/prod": {"access": {"sign_in": "console", "admins": ["zoe"]}},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_fleet(tmp_path, HUBS)
    file = tmp_path / "communities/ant/community.yaml"
    said = yaml.safe_load(file.read_text())
    said["responsibilities"] = {"deploy-hubs": "shared", "teach": "community"}
    said["responsibility_notes"] = {"deploy-hubs": "On Mondays.", "use-sessions": "As usual."}
    file.write_text(yaml.safe_dump(said))
    fleet = yaml.safe_load((tmp_path / "fleet.yaml").read_text())
    fleet["service"]["responsibilities"] = {"teach": {"sentence": "Give workshops."}}
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(fleet))
    return tmp_path


def run(root: Path, *words: str, state: Path | None = None) -> subprocess.CompletedProcess[str]:
    where = ["--fleet", str(root)]
    where += ["--state", str(state or root / "none")] if words[0] == "who-can" else []
    return subprocess.run(
        [sys.executable, "-m", "hubfleet", *words, *where],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_differs_from_the_default_is_shown_with_its_note(root):
    assert run(root, "responsibilities", "ant", "--diff").stdout == (
        "  1  use-sessions  community\n"
        "     As usual.\n"
        " 15  deploy-hubs   shared (not operator)\n"
        "     On Mondays.\n"
        " 21  teach         community (not operator)\n"
    )
    assert run(root, "responsibilities", "bee", "--diff").stdout == (
        "Everything is as by default.\n"
    )


def test_all_items_are_shown_in_order(root):
    lines = run(root, "responsibilities", "bee").stdout.splitlines()
    assert len(lines) == 21
    assert lines[0].split() == ["1", "use-sessions", "community"]
    assert lines[20].split() == ["21", "teach", "operator"]


def test_json_has_the_shape_of_the_api(root):
    shown = json.loads(run(root, "responsibilities", "ant", "--diff", "--json").stdout)
    assert shown["community"] == "ant"
    assert shown["responsibilities"][1] == {
        "number": 15,
        "slug": "deploy-hubs",
        "sentence": "Deploy hubs and connect them to what they need.",
        "owner": "shared",
        "default": "operator",
        "note": "On Mondays.",
    }


def test_who_can_names_people_and_roles_and_the_reason(root):
    assert run(root, "who-can", "roll-back", "ant/prod").stdout == (
        "Who may roll the hub back at ant/prod:\n"
        "  hub admins of ant/prod (ada, al)\n"
        "  Ada Example, representative of Ant\n"
        "  partner engineers of Ant\n"
        "  engineers of Test Foundation\n"
        "because `deploy-hubs` is owned by: shared\n"
    )
    assert run(root, "who-can", "roll-back", "bee/prod").stdout == (
        "Who may roll the hub back at bee/prod:\n"
        "  engineers of Test Foundation\n"
        "because `deploy-hubs` is owned by: operator\n"
    )


def test_who_can_lists_the_accounts_of_this_place(office):
    office.person("ada", name="Ada Example")
    office.person("eve", "engineer")
    office.person("uli")
    shown = run(office.root, "who-can", "manage-users", "ant/prod", "--json", state=office.state)
    assert json.loads(shown.stdout) == {
        "action": "manage-users",
        "target": "ant/prod",
        "item": "provide-access",
        "owner": "community",
        "who_could": ["hub admins of ant/prod (ada)", "Ada Example, representative of Ant"],
        "people": [
            {"login": "ada", "name": "Ada Example", "answer": "yes"},
            {"login": "eve", "name": "Eve Example", "answer": "with-approval"},
        ],
    }
    text = run(office.root, "who-can", "manage-users", "ant/prod", state=office.state).stdout
    assert text.endswith(
        "Accounts here:\n  yes           ada (Ada Example)\n  with-approval eve (Eve Example)\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("responsibilities", "ants"),
            "error[unknown-community]: there is no community 'ants'\n  hint: did you mean ant?\n",
        ),
        (
            ("who-can", "rollback", "ant/prod"),
            "error[unknown-action]: there is no act 'rollback'\n  hint: did you mean roll-back?\n",
        ),
        (
            ("who-can", "roll-back"),
            "error[act-without-target]: `roll-back` is done to a hub\n"
            "  hint: write hubfleet who-can roll-back community/hub\n",
        ),
        (
            ("who-can", "roll-back", "ant/prd"),
            "error[unknown-hub]: there is no hub 'ant/prd'\n  hint: declared for ant: ant/prod\n",
        ),
        (
            ("who-can", "see-hub", "../etc"),
            "error[unknown-community]: there is no community '..'\n  hint: declared: ant, bee\n",
        ),
    ],
)
def test_wrong_words_are_told(root, words, said):
    done = run(root, *words)
    assert (done.returncode, done.stderr) == (1, said)


def test_nobody_pays_for_django_who_has_no_accounts(root):
    code = (
        "import sys\nfrom hubfleet.cli import app\n"
        "try: app(sys.argv[1:])\nexcept SystemExit as end: assert not end.code\n"
        "assert 'django' not in sys.modules"
    )
    for words in (("responsibilities", "ant"), ("who-can", "probe", "ant/prod")):
        done = subprocess.run(
            [sys.executable, "-c", code, *words, "--fleet", str(root)],
            env={"HUBFLEET_STATE": str(root / "none"), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
