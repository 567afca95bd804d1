"""Going through pages as a browser does: forms are sent with the token that the page held."""

from __future__ import annotations

import re
from typing import Any

from hubfleet.office.accounts.facts import PersonFacts

PASSWORD = "a long enough pass phrase"


def send(browser: Any, path: str, values: dict[str, Any], *, page: str = "") -> Any:
    """Open the page, take its token, and send the form; the answer, redirects not followed."""
    shown = browser.get(page or path)
    return browser.post(path, {**values, "csrfmiddlewaretoken": token_in(shown)})


def token_in(page: Any) -> str:
    """The token that a page's form holds."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.content.decode())
    assert found, f"{page.status_code}: no form"
    return found[1]


def sign_in(browser: Any, login: str, password: str = "correct horse battery") -> Any:
    return send(browser, "/account/login/", {"login": login, "password": password})


def words(answer: Any) -> str:
    """What a person reads of a page."""
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(text.replace("&#x27;", "'").replace("&amp;", "&").split())


def mails() -> list[tuple[str, str, str]]:
    """Recipient, subject and text of what is in the outbox."""
    from hubfleet.office.post.models import Message
    from hubfleet.office.post.outbox import PURPOSE
    from hubfleet.office.sealing import unseal

    found = Message.objects.filter(state=Message.WAITING).order_by("id")
    return [(m.recipient, m.subject, unseal(bytes(m.sealed), PURPOSE)) for m in found]


def link_in(text: str) -> str:
    """The path of the first address of the console in a mail."""
    found = re.search(r"http://localhost:8010(/\S+)", text)
    assert found, text
    return found[1]


def acts() -> list[tuple[str, str, str]]:
    """Who, act, outcome, oldest first."""
    from hubfleet.office.audit.models import Entry

    return list(Entry.objects.order_by("id").values_list("who", "act", "outcome"))


def facts(login: str) -> PersonFacts:
    """What is known of somebody who has an account."""
    from hubfleet.office.accounts import people

    person = people.by_login(login)
    assert person is not None, f"nobody has the login {login}"
    return people.facts_of(person)
