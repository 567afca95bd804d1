"""Text of the declaration on the hub's pages: a few marks, and never HTML."""

from __future__ import annotations

import pytest

from hubfleet.platforms.face.markup import markup
from hubfleet.platforms.local.hub.sign_in.identities import Identities
from hubfleet.platforms.local.hub.sign_in.names import is_good_name, one_spelling


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("one\ntwo\n\n  three ", "<p>one\ntwo</p><p>three</p>"),
        ("**now** and *then*", "<p><strong>now</strong> and <em>then</em></p>"),
        ("2 * 3 * 4 ** 5", "<p>2 * 3 * 4 ** 5</p>"),
        ("<script>x</script> & <b>", "<p>&lt;script&gt;x&lt;/script&gt; &amp; &lt;b&gt;</p>"),
        (
            "[read <i>](https://x.example/a*b*c?d=1&e)",
            '<p><a href="https://x.example/a*b*c?d=1&amp;e" rel="noopener noreferrer">'
            "read &lt;i&gt;</a></p>",
        ),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        (
            '[x](https://a.example/"on="y)',
            '<p><a href="https://a.example/&quot;on=&quot;y" rel="noopener noreferrer">x</a></p>',
        ),
        ("", ""),
    ],
)
def test_marks_become_html_and_html_stays_text(text: str, page: str) -> None:
    assert markup(text) == page


def test_a_person_has_one_spelling():
    assert one_spelling(" Zoe\u0308 ") == one_spelling("ZOË") == "zoë"


@pytest.mark.parametrize("name", ["ada", "o'dd & <b>%41", "你好", "a@b.example", "x" * 255])
def test_odd_names_are_names(name: str) -> None:
    assert is_good_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "x" * 256, "a/b", "../a", ".a", "a\\b", "a\u202eb", "a\u200bb", "a\nb", "Ada", "a "],
)
def test_names_that_break_paths_or_deceive_are_not(name: str) -> None:
    assert not is_good_name(name)


def test_a_name_is_its_first_owners_at_each_provider(tmp_path):
    path = tmp_path / "identities.json"
    assert Identities(path).claim("https://a.example", "ada", "1")
    assert Identities(path).claim("https://a.example", "ada", "1")
    assert not Identities(path).claim("https://a.example", "ada", "2")
    assert Identities(path).claim("https://b.example", "ada", "2")
    assert Identities(path).belongs_to("https://a.example", "new", "3")
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("{")
    with pytest.raises(ValueError, match="Expecting"):
        Identities(path).claim("https://a.example", "ada", "2")
