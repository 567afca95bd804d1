"""Lists of people as somebody pastes or uploads them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.office.accounts.invitees import MOST, Invitee, Refused, is_address, parse


def test_one_address_a_line():
    assert parse("ada@example.org\n\n Bo@Example.ORG \n") == (
        [Invitee("ada@example.org"), Invitee("bo@example.org")],
        [],
    )


def test_as_mail_programs_copy_them():
    text = 'Ada Example <ada@example.org>, "Example, Bo" <bo@example.org>; \n'
    one_line = "ada@example.org, bo@example.org; cy@example.org".replace(";", ",")
    assert [one.email for one in parse(one_line)[0]] == [
        "ada@example.org",
        "bo@example.org",
        "cy@example.org",
    ]
    assert parse("Ada Example <ada@example.org>")[0] == [Invitee("ada@example.org", "Ada Example")]
    assert "ada@example.org" in [one.email for one in parse(text)[0]]


def test_as_a_table_with_and_without_headings():
    plain = "ada@example.org,Ada Example,ada\n"
    headed = "Name;Login;E-Mail\nAda Example;ADA;ada@example.org\n"
    tabbed = "email\tname\nada@example.org\tAda Example\n"
    assert parse(plain)[0] == [Invitee("ada@example.org", "Ada Example", "ada")]
    assert parse(headed)[0] == [Invitee("ada@example.org", "Ada Example", "ada")]
    assert parse("\ufeff" + tabbed)[0] == [Invitee("ada@example.org", "Ada Example")]


def test_what_is_wrong_is_told_with_its_line():
    text = "ada@example.org\nnobody\nada@example.org\n@\n<script>alert(1)</script>\n"
    assert parse(text) == (
        [Invitee("ada@example.org")],
        [
            Refused(2, "nobody", "there is no e-mail address in it"),
            Refused(3, "ada@example.org", "this address stands above already"),
            Refused(4, "@", "there is no e-mail address in it"),
            Refused(5, "<script>alert(1)</script>", "there is no e-mail address in it"),
        ],
    )


def test_ten_thousand_are_taken_and_one_more_is_not():
    lines = [f"u{number}@example.org" for number in range(MOST)]
    found, refused = parse("\n".join(lines))
    assert (len(found), refused) == (MOST, [])
    assert parse("\n".join([*lines, "x@example.org"])) == (
        [],
        [Refused(0, "", "10001 lines; at most 10000 can be invited at once")],
    )
    assert parse(", ".join([*lines, "x@example.org"])) == (
        [],
        [Refused(0, "", "10001 people; at most 10000 can be invited at once")],
    )


def test_a_file_that_is_no_text_is_refused():
    assert parse("PK\x03\x04\x00\x00") == ([], [Refused(0, "", "this is not text")])


def test_addresses_that_could_carry_something_else_are_none():
    for sly in (
        "a@b.org\nBcc: c@d.org",
        "a@b",
        '"a b"@c.org',
        "a@b.org>",
        "a,b@c.org",
        "a@[127.0.0.1]",
        "\u0430da@example.org",
        "a" * 250 + "@example.org",
    ):
        assert not is_address(sly), sly


@settings(deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_read_without_a_crash_and_gives_sound_addresses(text):
    found, refused = parse(text)
    assert all(is_address(one.email) for one in found)
    assert len({one.email for one in found}) == len(found)
    assert all(one.text.isprintable() for one in refused)
