"""What people try: guessed addresses, names that are paths or markup, forged forms and hosts."""

from __future__ import annotations

import re

import pytest

HIDDEN = ["", "logs/", "values/", "revisions/", "people/", "change/"]


@pytest.mark.parametrize("part", HIDDEN)
def test_another_communitys_hub_is_not_there_and_the_attempt_is_recorded(console, part):
    answer = console.client("bo").get(f"/hubs/bee/prod/{part}")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
    (entry,) = console.acts(outcome="hidden")
    assert (entry.who, entry.hub, entry.address) == ("bo", "bee/prod", "127.0.0.1")


def test_a_hub_that_does_not_exist_answers_like_one_that_is_somebody_elses(console):
    client = console.client("bo")
    there, not_there = client.get("/hubs/bee/prod/"), client.get("/hubs/bee/nothing/")
    assert there.status_code == not_there.status_code == 404
    assert without_tokens(there) == without_tokens(not_there)
    assert [entry.hub for entry in console.acts(outcome="hidden")] == ["bee/prod", "bee/nothing"]


def without_tokens(answer) -> str:
    """Each page has another token for its forms."""
    return re.sub(r'(name="csrfmiddlewaretoken" value=)"[^"]*"', r"\1", answer.content.decode())


@pytest.mark.parametrize(
    "path",
    [
        "/hubs/../fleet/", "/hubs/..%2f..%2fetc/passwd/", "/hubs/ant/..%2fprod/",
        "/hubs/ant/prod%00/",
        "/hubs/ANT/prod/", "/hubs/ant/prod/../../fleet/secret", "/hubs/%2e%2e/%2e%2e/",
        "/rollouts/..%2f..%2fetc%2fpasswd/", "/status/of/..%2f..%2f/", "/static/../settings.py",
        "/audit/export.exe", "/hubs/" + "a" * 5000 + "/b/",
    ],
)  # fmt: skip
def test_names_like_paths_lead_nowhere(console, path):
    assert console.client("eve", "engineer").get(path).status_code == 404


MARKUP = '<img src=x onerror="alert(1)">'


def test_names_and_notes_with_markup_are_text_on_every_page(console, tmp_path):
    folder = console.office.root / "communities" / "ant"
    text = (folder / "community.yaml").read_text().replace("name: Ant", f"name: '{MARKUP}'", 1)
    (folder / "community.yaml").write_text(text)
    hub = folder / "hubs" / "prod.yaml"
    hub.write_text(hub.read_text().replace("title: Ants", f"title: '{MARKUP}'"))
    fleet = console.desk.reload()
    assert fleet.hubs["ant/prod"].values.title == MARKUP
    console.desk.states["ant/prod"] = ("crashed", MARKUP)
    console.desk.lines["ant/prod"] = [MARKUP]
    console.look()
    client = console.client("eve", "engineer")
    paths = ["/fleet/", "/hubs/ant/prod/", "/hubs/ant/prod/values/?q=title", "/status/",
             "/hubs/ant/prod/logs/", "/status/of/ant/", "/plan/"]  # fmt: skip
    for path in paths:
        page = client.get(path).content.decode()
        assert "<img src=x" not in page, path
    assert "&lt;img src=x" in client.get("/fleet/").content.decode()
    console.client("ada").get(f"/audit/?who={MARKUP}")
    assert "<img src=x" not in client.get(f"/audit/?who={MARKUP}").content.decode()
    assert b"<img src=x" not in client.get("/status/feed.atom").content


def test_a_spreadsheet_takes_no_entry_for_a_formula(console):
    from hubfleet.office.audit.record import Actor, record

    record(Actor("eve"), "announce", what='=HYPERLINK("http://evil.example")')
    lea = console.client("lea", "leadership")
    sheet = b"".join(lea.get("/audit/export.csv").streaming_content).decode()
    assert "\"'=HYPERLINK" in sheet


def test_a_form_without_its_token_is_not_taken(console):
    from django.test import Client

    console.office.person("eve", "engineer")
    client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    from hubfleet.office.accounts.models import Person

    client.force_login(
        Person.objects.get(login="eve"), backend="hubfleet.office.accounts.signing_in.OpenAccounts"
    )
    for headers in ({}, {"origin": "http://prod-ant.localhost:8000"}):
        answer = client.post("/hubs/ant/prod/probe/", headers=headers)
        assert answer.status_code == 403
        assert "The form was not taken" in answer.content.decode()
    assert not console.acts(act="probe")


def test_reading_changes_nothing_and_acting_needs_post(console):
    client = console.client("eve", "engineer")
    assert client.get("/hubs/ant/prod/probe/").status_code == 405
    assert client.post("/fleet/").status_code in (405, 200)
    assert client.get("/status/announce/1/end/").status_code == 405


@pytest.mark.parametrize("path", ["/", "/status/", "/fleet/", "/nothing/", "/account/login/"])
def test_every_answer_has_the_headers_that_protect_people(console, path):
    answer = console.client("eve", "engineer").get(path)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "form-action 'self' http://*.localhost:*" in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]
    assert "style=" not in answer.content.decode().replace("no-style=", "")
    assert "onclick" not in answer.content.decode()


def test_another_host_name_is_refused(console):
    answer = console.client().get("/status/", HTTP_HOST="evil.example")
    assert answer.status_code == 400
    assert "evil.example" not in answer.content.decode()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "6.6.6.6", "127.0.0.1"),
        (1, "6.6.6.6", "6.6.6.6"),
        (1, "evil, 6.6.6.6", "6.6.6.6"),
        (2, "evil, 6.6.6.6, 10.0.0.1", "6.6.6.6"),
        (2, "6.6.6.6", "127.0.0.1"),
    ],
)
def test_only_our_own_proxies_are_believed(console, proxies, forwarded, address):
    from django.test import RequestFactory, override_settings

    from hubfleet.office.site.middleware import client_address

    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=forwarded)
    with override_settings(TRUSTED_PROXIES=proxies):
        assert client_address(request) == address


def test_numbers_are_for_who_has_the_token_that_the_place_names(console, tmp_path, monkeypatch):
    client = console.client()
    (tmp_path / "token").write_text("s3cret\n")
    monkeypatch.setenv("HUBFLEET_METRICS_TOKEN_FILE", str(tmp_path / "token"))
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer wrong").status_code == 403
    answer = client.get("/metrics", HTTP_AUTHORIZATION="Bearer s3cret", REMOTE_ADDR="10.1.1.1")
    assert "hubfleet_console_answer_seconds_bucket" in answer.content.decode()
