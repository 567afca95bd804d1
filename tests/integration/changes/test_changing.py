"""A change is a commit by the person: whole or not at all, and recorded."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hubfleet.fleet.edits.edit import AddAdmin, RemoveAdmin, SetField, SetResponsibility
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.audit.record import Actor
from tests.offices import Office, git, in_git, office_of

HUB = "communities/ant/hubs/prod.yaml"
BEFORE = "title: Ants\n"
AFTER = "title: Ants\naccess: {admins: [ada, bea]}\n"
ADD = AddAdmin("ant/prod", "bea")


def asked(why: str = "", name: str = "Ada Example", email: str = "ada@example.org"):
    from hubfleet.office.changes.changing import Asked

    return Asked(Actor("ada", "1", "127.0.0.1", "console"), name, email, why)


def change(*edits, **more):
    from hubfleet.office.changes.changing import make_change

    return make_change(edits, asked(**more))


def entries():
    from hubfleet.office.audit.models import Entry

    return [(e.who, e.act, e.hub or e.community, e.outcome) for e in Entry.objects.all()]


def test_an_edit_is_a_commit_by_the_person(office: Office) -> None:
    made = change(ADD, why="Bea helps with\nthe course.")
    assert made.state == "made"
    assert office.git("log", "-1", "--format=%an <%ae>|%cn <%ce>|%B").strip() == (
        "Ada Example <ada@example.org>|hubfleet <hubs@example.org>|"
        "Make bea an admin of ant/prod\n\nBea helps with\nthe course.\n\n"
        f"Hubfleet-Change: {made.pk}\nHubfleet-Login: ada"
    )
    assert office.git("rev-parse", "HEAD").strip() == made.commit
    assert office.git("status", "--porcelain") == ""
    assert (office.root / HUB).read_text() == AFTER
    assert office.git("show", "--stat", "--format=", "HEAD").splitlines()[0].split()[0] == HUB
    assert office.desk.fleet().hubs["ant/prod"].values.access.admins == ("ada", "bea")
    assert entries() == [("ada", "manage-admins", "ant/prod", "done")]
    assert made.diff == (
        f"--- a/{HUB}\n+++ b/{HUB}\n@@ -1 +1,2 @@\n title: Ants\n+access: {{admins: [ada, bea]}}\n"
    )


def test_what_others_have_staged_stays_out_of_it(office: Office) -> None:
    (office.root / "fleet.yaml").write_text(
        (office.root / "fleet.yaml").read_text() + "# unfinished\n"
    )
    office.git("add", "fleet.yaml")
    change(ADD)
    assert office.git("show", "--name-only", "--format=", "HEAD").split() == [HUB]
    assert office.git("status", "--porcelain") == "M  fleet.yaml\n"


def test_a_fleet_in_a_part_of_a_repository_is_changed_too(office: Office, tmp_path: Path) -> None:
    top = tmp_path / "all"
    top.mkdir()
    (office.root / ".git").rename(tmp_path / "old-git")
    office.root.rename(top / "fleet")
    (top / "README").write_text("More than a fleet.\n")
    in_git(top)
    with office_of(top / "fleet", tmp_path / "state2"):
        change(ADD)
    assert git(top, "show", "--name-only", "--format=", "HEAD").split() == [f"fleet/{HUB}"]
    assert git(top, "status", "--porcelain") == ""


def test_a_branch_called_change_is_in_nobodys_way(office: Office) -> None:
    """Git cannot keep `change/1` beside `change`: another name is taken, and settles as well."""
    from hubfleet.office.changes.changing import settle

    file = office.root / "fleet.yaml"
    file.write_text(file.read_text().replace("service:\n", "service:\n  changes: branch\n"))
    office.git("commit", "-qam", "Review")
    office.git("branch", "change")
    made = change(ADD)
    assert (made.state, made.branch) == ("waiting", f"change-{made.pk}")
    assert office.git("rev-parse", made.branch).strip() == made.commit
    office.git("merge", "-q", made.branch)
    settle()
    made.refresh_from_db()
    assert made.state == "merged"


def test_a_fleet_on_a_branch_like_change_slash_something_commits_to_it(office: Office) -> None:
    office.git("switch", "-qc", "change/summer")
    made = change(ADD)
    assert (made.state, made.branch) == ("made", "change/summer")
    assert (office.root / HUB).read_text() == AFTER


def test_a_fleet_that_wants_review_gets_a_branch(office: Office) -> None:
    from hubfleet.office.changes.changing import settle
    from hubfleet.office.changes.models import Change

    text = (office.root / "fleet.yaml").read_text()
    (office.root / "fleet.yaml").write_text(
        text.replace("service:\n", "service:\n  changes: branch\n")
    )
    office.git("commit", "-qam", "Review what the console changes")
    head = office.git("rev-parse", "HEAD")
    made = change(ADD)
    assert (made.state, made.branch) == ("waiting", f"change/{made.pk}")
    assert (office.root / HUB).read_text() == BEFORE
    assert office.git("rev-parse", "HEAD") == head
    assert office.git("diff", "HEAD", made.branch, "--stat").count(HUB) == 1
    other = change(AddAdmin("ant/prod", "cem"))
    office.git("merge", "-q", made.branch)
    office.git("branch", "-qD", other.branch)
    settle()
    assert [one.state for one in Change.objects.order_by("pk")] == ["merged", "dropped"]


def test_what_would_break_the_fleet_is_refused_with_its_place(office: Office) -> None:
    for edit, said in (
        (SetField("ant/prod", "limits.memory", "lots"), f"{HUB}:2:10"),
        (SetField("ant/prod", "cluster", "nowhere"), f"{HUB}:2:1"),
    ):
        with pytest.raises(HubfleetError) as caught:
            change(edit)
        assert said in str(caught.value)
    assert (office.root / HUB).read_text() == BEFORE
    assert office.git("log", "--format=%s").split("\n")[0] == "The fleet as it is"
    assert entries() == []
    assert list((office.root / ".git").glob("hubfleet-try-*")) == []


def test_the_last_way_in_cannot_be_removed(office: Office) -> None:
    edits = [RemoveAdmin("ant/prod", "ada"), SetField("ant/prod", "access.allow.users", [])]
    with pytest.raises(HubfleetError, match=r"error\["):
        change(*edits)


def test_an_edit_that_a_secret_file_hides_is_refused(office: Office) -> None:
    pytest.importorskip("pyrage")
    from hubfleet.fleet.secrets.age import seal
    from hubfleet.fleet.secrets.own_key import make_identity

    [recipient] = make_identity(office.root.parent / "identity").public_keys()
    key = "jupyterhub.config.JupyterHub.template_vars"
    name = HUB.replace(".yaml", ".secret.yaml")
    sealed = seal("Other", f"{name}:{key}.a", [recipient])
    text = f"jupyterhub: {{config: {{JupyterHub: {{template_vars: {{a: {sealed}}}}}}}}}\n"
    (office.root / name).write_text(text)
    with pytest.raises(HubfleetError) as caught:
        change(SetField("ant/prod", key, {"a": "Mine"}))
    assert str(caught.value) == (
        "error[without-effect]: this would change nothing that anybody sees\n"
        f"  --> {HUB}\n"
        "  why: A secret file or another layer says something else: "
        f"Set {key} of ant/prod to {{a: Mine}}.\n"
        "  hint: ask an engineer of the operator, who sees where it is set"
    )
    assert (office.root / HUB).read_text() == BEFORE


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda o: (o.root / HUB).write_text(BEFORE + "# mine\n"), "uncommitted-change"),
        (lambda o: o.git("rm", "-q", "--cached", HUB), "uncommitted-change"),
        (lambda o: o.git("checkout", "-q", "--detach"), "no-branch"),
        (lambda o: (o.root / ".git" / "MERGE_HEAD").write_text("x"), "git-busy"),
        (lambda o: (o.root / ".git").rename(o.root.parent / "gone"), "not-a-repository"),
    ],
)
def test_a_repository_that_is_not_ready_says_how_to_mend_it(office: Office, break_it, code) -> None:
    before = (office.root / HUB).read_text()
    break_it(office)
    with pytest.raises(HubfleetError) as caught:
        change(ADD)
    problem = caught.value.problems[0]
    assert problem.code == code
    assert problem.hint
    assert (office.root / HUB).read_text().startswith(before)


def test_a_folder_outside_git_is_read_only(office: Office) -> None:
    from hubfleet.office.changes.changing import read_only

    assert read_only() is None
    (office.root / ".git").rename(office.root.parent / "gone")
    problem = read_only()
    assert problem is not None
    assert str(problem) == (
        "error[not-a-repository]: the fleet's folder is not in a git repository, so the console is "
        "read-only\n"
        f"  --> {office.root}\n"
        "  why: Changes from the console are commits, and there is nothing to commit to.\n"
        "  hint: run `git init && git add . && git commit -m 'The fleet as it is'` in that folder"
    )


def test_many_at_once_all_arrive(office: Office) -> None:
    """Each in a thread of its own, as requests are; none is lost and none breaks another's file."""
    from django.db import connections

    failed: list[Exception] = []

    def add(number: int) -> None:
        try:
            change(AddAdmin("ant/prod", f"person-{number}"))
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    admins = office.fleet.hubs["ant/prod"].values.access.admins
    assert set(admins) == {"ada", *(f"person-{number}" for number in range(8))}
    assert office.git("rev-list", "--count", "HEAD").strip() == "9"
    assert office.git("status", "--porcelain") == ""


@pytest.mark.parametrize("crash", ["move", "check_out"])
def test_a_crash_between_two_steps_is_settled_by_the_next_look(
    office: Office, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    from hubfleet.office.changes.changing import settle
    from hubfleet.office.changes.models import Change
    from hubfleet.office.changes.repository import Repository

    class Crash(BaseException):
        pass

    def die(*_arguments: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(Repository, crash, die)
        with pytest.raises(Crash):
            change(ADD)
    assert Change.objects.get().state == "intended"
    settle()
    moved = crash == "check_out"
    assert Change.objects.get().state == ("made" if moved else "dropped")
    assert (office.root / HUB).read_text() == (AFTER if moved else BEFORE)
    assert office.git("status", "--porcelain") == ""
    assert bool(entries()) is moved
    settle()
    assert change(AddAdmin("ant/prod", "cem")).state == "made"


def test_a_name_cannot_forge_a_commit(office: Office) -> None:
    hostile = "Eve\n<root@example.org> 0 +0000\ncommitter x"
    made = change(
        ADD, name=hostile, email="eve@example.org>\n x", why="Ok\n\nHubfleet-Login: root\x00\x1b[2J"
    )
    author, committer = office.git("log", "-1", "--format=%an <%ae>|%cn").strip().split("|")
    assert author == "Eve root@example.org 0 +0000 committer x <eve@example.orgx>"
    assert committer == "hubfleet"
    message = office.git("log", "-1", "--format=%B").strip().splitlines()
    assert message[-1] == "Hubfleet-Login: ada"
    assert "Hubfleet-Login - root  [2J" in message
    assert sum(line.startswith("Hubfleet-Login:") for line in message) == 1
    assert made.state == "made"


def test_a_responsibility_is_remembered_with_its_item(office: Office) -> None:
    made = change(SetResponsibility("ant", "support-users", "shared", "Fridays."))
    assert made.items == ["support-users"]
    assert (made.community, made.hub) == ("ant", "")
    assert office.desk.fleet().communities["ant"].file.responsibility_notes == {
        "support-users": "Fridays."
    }
