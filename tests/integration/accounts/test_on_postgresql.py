"""The same rooms on a PostgreSQL server: tables, what the database refuses, and the outbox."""

from __future__ import annotations

import subprocess
import sys

from tests.integration.office.postgresql import running_server

_CODE = """
import sys
from pathlib import Path
from hubfleet.office.site.launch import Launch, prepare_database, start
launch = Launch(Path(sys.argv[1]), "http://localhost:8010", "0.0.0", database=sys.argv[2])
start(launch)
prepare_database(launch)
prepare_database(launch)
from django.db import DatabaseError, transaction
from hubfleet.office.accounts import first_link, joining, people
from hubfleet.office.accounts.models import Person
from hubfleet.office.audit.models import Entry
from hubfleet.office.audit.record import Actor
from hubfleet.office.post.outbox import put
from hubfleet.office.post.sending import Delivered, deliver_due
from django.core.mail import get_connection

def refused(change):
    try:
        with transaction.atomic():
            change()
    except DatabaseError as error:
        return str(error).splitlines()[0]
    return "allowed"

ada = Person.objects.create_user("Ada", "ada@example.org")
print(ada.login, refused(lambda: Person.objects.create_user("ADA")) != "allowed")
print(refused(lambda: Person.objects.filter(pk=ada.pk).update(login="x")))
print(refused(ada.delete))
Person.objects.filter(pk=ada.pk).update(name="Ada")
joining.add_member(Actor("eve"), ada, "ant", "ant/prod")
print(people.facts_of(ada).memberships)
for change in (Entry.objects.all().delete, lambda: Entry.objects.update(who="x")):
    print(refused(change))
print(len(first_link.make()) > 40)
put("test", "ada@example.org", "A subject", "text")
printer = get_connection("django.core.mail.backends.dummy.EmailBackend")
print(deliver_due(printer), deliver_due(printer))
"""


def test_tables_triggers_and_outbox(tmp_path):
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    with running_server() as server:
        done = subprocess.run(
            [sys.executable, "-c", _CODE, str(state), server.new_database()],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "ada True",
        "an account keeps its login for ever",
        "an account keeps its login for ever",
        "(MembershipFact(community='ant', hub='ant/prod', until=None),)",
        "the record of acts only grows",
        "the record of acts only grows",
        "True",
        "Delivered(sent=1, later=0, failed=0) Delivered(sent=0, later=0, failed=0)",
    ]
