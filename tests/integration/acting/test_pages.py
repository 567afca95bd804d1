"""Forms: what they do, what they show again, and whom they refuse with whose help."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from hubfleet.office.accounts.models import Invitation, Membership
from hubfleet.office.changes.models import Change
from tests.integration.acting.conftest import entries
from tests.offices import Office

PROD = "/hubs/ant/prod"


def text_of(response) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def admins(office: Office) -> tuple[str, ...]:
    return office.fleet.hubs["ant/prod"].values.access.admins


def test_making_somebody_an_admin_is_a_commit_by_the_person(office: Office, browse) -> None:
    ada = browse("ada")
    sent = ada.post(
        f"{PROD}/people/admin/", {"login": "bo", "why": "Helps <b>me</b>."}, follow=True
    )
    assert sent.redirect_chain == [(f"{PROD}/people/", 302)]
    assert "Make bo an admin of ant/prod: committed. It holds once it is rolled out." in text_of(
        sent
    )
    assert admins(office) == ("ada", "ann", "bo")
    assert office.git("log", "-1", "--format=%an <%ae>|%s").strip() == (
        "Ada Example <ada@example.org>|Make bo an admin of ant/prod"
    )
    assert entries(act="manage-admins") == [("ada", "manage-admins", "ant/prod", "done")]
    taken = ada.post(f"{PROD}/people/admin/", {"login": "bo", "take": "yes"}, follow=True)
    assert "Take the admin rights of bo on ant/prod: committed." in text_of(taken)
    assert admins(office) == ("ada", "ann")
    shown = ada.get(f"/changes/{Change.objects.latest('pk').pk}/")
    assert shown.status_code == 200


def test_users_are_added_changed_and_removed(office: Office, browse) -> None:
    ada, url = browse("ada"), f"{PROD}/people/"
    office.person("uli")
    assert "uli may use the hub." in text_of(ada.post(f"{url}add/", {"login": "Uli"}, follow=True))
    row = Membership.objects.get(person__login="uli")
    assert (row.community, row.hub, row.until, row.added_by) == ("ant", "ant/prod", None, "ada")
    ada.post(f"{url}add/", {"login": "uli", "until": "2099-12-31"})
    row.refresh_from_db()
    assert str(row.until) == "2099-12-31"
    page = text_of(ada.get(url))
    assert "uli" in page and "2099-12-31" in page
    gone = ada.post(f"{url}remove/", {"login": "uli", "reach": "hub"}, follow=True)
    assert "uli was removed. What is open there ends shortly." in text_of(gone)
    assert not Membership.objects.exists()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"login": "nobody"}, "Nobody here has the login &#x27;nobody&#x27;. Invite them"),
        ({"login": "bo", "until": "soon"}, "soon is not a day; write one such as 2026-12-01"),
        ({"login": "bo", "until": "2001-01-01"}, "2001-01-01 is over"),
        ({"login": "<script>alert(1)</script>"}, "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ],
)
def test_what_cannot_be_added_is_shown_again(office: Office, browse, sent, said) -> None:
    answer = browse("ada").post(f"{PROD}/people/add/", sent)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()
    assert not Membership.objects.exists()


def test_many_are_invited_from_a_list_and_a_file(office: Office, browse) -> None:
    file = SimpleUploadedFile("people.csv", b"email,name\numa@example.org,Uma\n")
    sent = browse("ada").post(
        f"{PROD}/people/invite/", {"people": "uli@example.org", "file": file}, follow=True
    )
    assert sent.status_code in (200, 422)
    sent = browse("ada").post(
        f"{PROD}/people/invite/", {"people": "uli@example.org\nUla <ula@example.org>"}, follow=True
    )
    assert "on the way" in text_of(sent)
    assert {"uli@example.org", "ula@example.org"} <= set(
        Invitation.objects.values_list("email", flat=True)
    )


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("people.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "the file is not text"),
        ("people.csv", b"PK\x03\x04\x00\x00\x00", "the file is not text"),
        ("people.png", b"\xff\xfe\x00a\x00", "the file is not text"),
        ("people.txt", b"a@example.org\x00", "the file is not text"),
        ("people.csv", b"x" * 2_000_001, "larger than 2 MB"),
        ("people.html", b"<script>alert(1)</script>", "there is no e-mail address in it"),
        ("../../etc/passwd", b"", "there is nobody in the list"),
    ],
)
def test_files_that_are_not_what_they_say_invite_nobody(
    office: Office, browse, name, data, said
) -> None:
    file = SimpleUploadedFile(name, data, content_type="text/csv")
    answer = browse("ada").post(f"{PROD}/people/invite/", {"people": "", "file": file})
    if data == b"":
        # Browsers send an empty part when no file was chosen.
        assert answer.status_code == 422
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert "<script>alert" not in answer.content.decode()
    assert not Invitation.objects.exists()


def test_limits_are_changed_and_given_back(office: Office, browse) -> None:
    """By an engineer: configuration is the operator's by default."""
    eve, url = browse("eve"), f"{PROD}/change/limits/"
    values = {"memory": "2G", "cpu": "2", "guaranteed_memory": "512M", "guaranteed_cpu": ""}
    assert eve.post(url, values).status_code == 302
    declared = office.fleet.hubs["ant/prod"].values
    assert (declared.limits.memory, declared.limits.cpu) == ("2G", 2)
    assert declared.guarantees.memory == "512M"
    same = eve.post(url, values, follow=True)
    assert "Nothing was changed: the hub has these values already." in text_of(same)
    eve.post(url, {"memory": "", "cpu": "", "guaranteed_memory": ""})
    assert office.fleet.hubs["ant/prod"].values.limits.memory == "1G"
    assert office.git("rev-list", "--count", "HEAD").strip() == "3"


def test_a_value_that_the_declaration_refuses_is_shown_again_with_the_reason(
    office: Office, browse
) -> None:
    answer = browse("eve").post(
        f"{PROD}/change/limits/", {"memory": "1G", "guaranteed_memory": "4G", "cpu": "1"}
    )
    assert answer.status_code == 422
    page = text_of(answer)
    assert "communities/ant/hubs/prod.yaml" in page
    assert "To mend it:" in page
    assert 'value="4G"' in answer.content.decode()
    assert office.git("rev-list", "--count", "HEAD").strip() == "1"
    answer = browse("eve").post(f"{PROD}/change/limits/", {"memory": "<b>lots</b>"})
    assert answer.status_code == 422
    assert "<b>lots</b>" not in answer.content.decode()


def test_environment_profiles_and_access_become_commits(office: Office, browse) -> None:
    ada, eve = browse("ada"), browse("eve")
    sent = {"packages": "numpy\n\npandas>=2\n", "python": "", "why": "For the course"}
    assert ada.post(f"{PROD}/change/environment/", sent).status_code == 302
    assert office.fleet.hubs["ant/prod"].values.environment.packages == ("numpy", "pandas>=2")
    small = {"was": "", "name": "Small", "default": "on"}
    large = {"was": "", "name": "Large: #1", "memory": "8G", "cpu": "2", "groups": "core, more"}
    for profile in (small, large):
        assert eve.post(f"{PROD}/change/profile/", profile).status_code == 302
    found = office.fleet.hubs["ant/prod"].values.profiles
    assert [(p.name, p.default, p.limits.memory, p.groups) for p in found] == [
        ("Small", True, None, ()),
        ("Large: #1", False, "8G", ("core", "more")),
    ]
    eve.post(f"{PROD}/change/profile/", {"was": "Small", "name": "Tiny", "memory": "512M"})
    eve.post(f"{PROD}/change/profile/", {"was": "Large: #1", "name": "-", "remove": "yes"})
    found = office.fleet.hubs["ant/prod"].values.profiles
    assert [(p.name, p.default, p.limits.memory) for p in found] == [("Tiny", False, "512M")]
    ada.post(f"{PROD}/change/access/", {"groups": "core", "everyone": "", "until": ""})
    assert office.fleet.hubs["ant/prod"].values.access.allow.groups == ("core",)
    page = text_of(ada.get(f"{PROD}/change/"))
    assert "pandas&gt;=2" in page


def test_an_admin_may_change_a_profile_but_not_what_costs_more(office: Office, browse) -> None:
    lea = browse("lea")
    lea.post("/communities/ant/responsibilities/manage-configuration/", {"owner": "community"})
    ann = browse("ann")
    assert ann.post(f"{PROD}/change/profile/", {"was": "", "name": "Plain"}).status_code == 302
    refused = ann.post(f"{PROD}/change/profile/", {"was": "", "name": "Big", "memory": "64G"})
    assert refused.status_code == 403
    assert "Ada Example, representative of Ant" in text_of(refused)


def test_a_responsibility_turns_a_button_on_and_off(office: Office, browse) -> None:
    ada, lea = browse("ada"), browse("lea")
    url = "/communities/ant/responsibilities/manage-configuration/"
    assert "Change the limits" not in text_of(ada.get(f"{PROD}/change/"))
    refused = ada.post(f"{PROD}/change/limits/", {"memory": "2G"})
    assert refused.status_code == 403
    assert "engineers of Test Foundation" in text_of(refused)
    lea.post(url, {"owner": "community", "note": "Since <May>"}, follow=True)
    assert "Change the limits" in text_of(ada.get(f"{PROD}/change/"))
    assert ada.post(f"{PROD}/change/limits/", {"memory": "2G"}).status_code == 302
    page = ada.get("/communities/ant/")
    assert "Since &lt;May&gt;" in page.content.decode()
    lea.post(url, {"owner": "operator", "note": ""})
    assert "Change the limits" not in text_of(ada.get(f"{PROD}/change/"))
    history = text_of(ada.get(url))
    assert "Give manage-configuration of ant to the community" in history


def test_a_representative_cannot_remove_the_last_one(office: Office, browse) -> None:
    ada = browse("ada")
    answer = ada.post(
        "/communities/ant/representatives/", {"name-1": "", "name-2": ""}, follow=True
    )
    assert "a community has at least one representative" in text_of(answer)
    two = {
        "name-1": "Ada Example", "email-1": "ada@example.org", "login-1": "ada",
        "name-2": "Bo Example", "email-2": "bo@example.org", "login-2": "bo",
    }  # fmt: skip
    ada.post("/communities/ant/representatives/", two)
    people = office.fleet.communities["ant"].file.representatives
    assert [one.login for one in people] == ["ada", "bo"]
    answer = ada.post(
        "/communities/ant/representatives/", {"name-1": "X", "email-1": "no"}, follow=True
    )
    assert "Not changed: mend email." in text_of(answer)


def test_another_communitys_hub_is_not_there(office: Office, browse) -> None:
    ada = browse("ada")
    for url in ("people/", "change/", "rollback/"):
        assert ada.get(f"/hubs/bee/prod/{url}").status_code == 404
    for url in ("people/add/", "people/admin/", "people/invite/", "change/limits/"):
        assert ada.post(f"/hubs/bee/prod/{url}", {"login": "ada"}).status_code == 404
    assert ada.get("/communities/bee/").status_code == 404
    assert ada.get("/communities/cow/").status_code == 404
    assert ada.post("/apply/", {"hub": "bee/prod", "plan": "x"}).status_code == 404
    outcomes = {outcome for _, _, where, outcome in entries() if where.startswith("bee")}
    assert outcomes == {"hidden"}
    assert office.git("rev-list", "--count", "HEAD").strip() == "1"


def test_an_ordinary_user_is_refused_and_told_who_could(office: Office, browse) -> None:
    bo = browse("bo")
    answer = bo.post(f"{PROD}/people/admin/", {"login": "bo"})
    assert answer.status_code == 403
    page = text_of(answer)
    assert "Who can" in page
    assert "Ada Example, representative of Ant" in page
    assert "hub admins of ant/prod (ada, ann)" in page
    assert admins(office) == ("ada", "ann")
    assert entries(outcome="refused") == [("bo", "manage-admins", "ant/prod", "refused")]


def test_an_engineer_acts_for_a_community_only_in_an_emergency(office: Office, browse) -> None:
    eve = browse("eve")
    assert eve.post(f"{PROD}/people/admin/", {"login": "bo"}).status_code == 403
    eve.post(f"{PROD}/people/admin/", {"login": "bo", "emergency": "Both admins left."})
    assert admins(office) == ("ada", "ann", "bo")
    assert "In an emergency: Both admins left." in office.git("log", "-1", "--format=%B")


def test_a_form_from_elsewhere_does_nothing(office: Office, browse) -> None:
    ada = browse("ada", checks=True)
    for url, sent in (
        (f"{PROD}/people/admin/", {"login": "bo"}),
        (f"{PROD}/people/add/", {"login": "bo"}),
        (f"{PROD}/people/invite/", {"people": "x@example.org"}),
        (f"{PROD}/change/limits/", {"memory": "2G"}),
        ("/communities/ant/responsibilities/support-users/", {"owner": "shared"}),
        ("/apply/", {"hub": "ant/prod"}),
        ("/api/device/", {"code": "x", "answer": "agree"}),
        ("/api/tokens/mine/", {"name": "x", "scope": "read"}),
    ):
        assert ada.post(url, sent).status_code == 403, url
        assert ada.get(url).status_code in (200, 404, 405), url
    assert admins(office) == ("ada", "ann")
    assert not Membership.objects.exists()
    assert not Invitation.objects.exists()


def test_nobody_is_sent_to_sign_in(office: Office, browse) -> None:
    nobody = browse()
    for url in (f"{PROD}/people/", f"{PROD}/change/", "/communities/ant/", "/customers/"):
        answer = nobody.get(url)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/account/login/?next=/")


@pytest.mark.parametrize("name", ["..%2f..", "%2e%2e", "ant%00", "ANT", "a" * 31, "-a", "ant prod"])
def test_a_hub_named_like_a_path_is_no_page(office: Office, browse, name: str) -> None:
    eve = browse("eve")
    assert eve.get(f"/hubs/{name}/prod/people/").status_code == 404
    assert eve.get(f"/hubs/ant/{name}/people/").status_code == 404
    assert eve.get(f"/communities/{name}/").status_code == 404


def test_customers_are_for_the_operator(office: Office, browse) -> None:
    eve = browse("eve")
    page = text_of(eve.get("/customers/"))
    assert "Ant" in page
    assert "Bea Example" in page
    assert "Bee" not in text_of(eve.get("/customers/?q=ant"))
    shown = re.findall(
        r"<th(?: class=\"number\")?>([^<]+)</th>", eve.get("/customers/").content.decode()
    )
    assert shown == [
        "Community", "Stage", "Representatives", "Hubs up", "Health", "Users now", "People",
        "Last incident", "Agreement", "Responsibilities", "Changes",
    ]  # fmt: skip
    assert browse("ada").get("/customers/").status_code == 403


def test_a_folder_outside_git_is_read_only_and_says_how_to_mend_it(office: Office, browse) -> None:
    (office.root / ".git").rename(office.root.parent / "gone")
    answer = browse("lea").get("/communities/ant/")
    assert 'aria-label="Change provide-access"' not in answer.content.decode()
    assert 'aria-label="History of provide-access"' in answer.content.decode()
    community = text_of(answer)
    assert "Changes from the console are commits, and there is nothing to commit to." in community
    assert "They cannot be changed from here now: the fleet" in community
    page = text_of(browse("ada").get(f"{PROD}/people/"))
    assert "The declaration cannot be changed from here now." in page
    assert "git init" in page
    answer = browse("ada").post(f"{PROD}/people/admin/", {"login": "bo"}, follow=True)
    assert "the console is read-only" in text_of(answer)
    # Users are kept in the database: they can be added all the same.
    assert "Add user" in page


def test_a_plan_that_changed_is_not_applied(office: Office, browse) -> None:
    lea, ada = browse("lea"), browse("ada")
    lea.post("/communities/ant/responsibilities/deploy-hubs/", {"owner": "shared"})
    page = text_of(ada.get("/communities/ant/"))
    assert "Waiting to be rolled out" in page
    answer = ada.post(
        "/apply/", {"hub": ["ant/prod"], "plan": "0" * 12, "back": "community"}, follow=True
    )
    assert "The plan has changed since this page was made; nothing was done." in text_of(answer)
    from hubfleet.office.changes.models import Run

    assert not Run.objects.exists()
