"""Secrets in plain files: found, and not shown."""

from __future__ import annotations

import pytest

from hubfleet.fleet.secrets.findings import findings, findings_in_text, names_a_secret
from hubfleet.fleet.yaml import parse_yaml

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLXRleHQ"


def found(text: str) -> list[str]:
    document = parse_yaml(text, "hub.yaml")
    assert document.value is not None
    return [str(problem) for problem in findings(document.value, document.place)]


@pytest.mark.parametrize(
    "key",
    ["password", "client_secret", "clientSecret", "api_token", "token", "cookie_secret", "apiKey",
     "private-key", "passwd", "CONFIGPROXY_AUTH_TOKEN", "tokens", "credentials", "ssl_key"],
)  # fmt: skip
def test_these_keys_name_secrets(key):
    assert names_a_secret(key)


@pytest.mark.parametrize(
    "key",
    ["token_url", "access_token_url", "server_token_scopes", "password_groups", "client_id", "key",
     "cookie_secret_file", "keys", "existingSecret", "imagePullSecrets", "secretName", "monkey",
     "token_expires_in_max_seconds", "trust_user_provided_tokens_x"],
)  # fmt: skip
def test_these_keys_do_not(key):
    assert not names_a_secret(key)


def test_a_named_secret_has_place_reason_and_cure():
    assert found("jupyterhub:\n  config:\n    A:\n      client_secret: canary-7\n") == [
        "error[secret-in-plain-file]: `jupyterhub.config.A.client_secret` names a secret, "
        "whose value stands in a plain file\n"
        "  --> hub.yaml:4:7\n"
        "  why: Whoever can read the fleet could read it.\n"
        "  hint: remove it, run `hubfleet secret set hub.yaml jupyterhub.config.A.client_secret`, "
        "and change it where it is valid"
    ]


def test_lists_under_a_secret_name_are_looked_into():
    assert len(found("api_tokens: [one, two]\n")) == 2


@pytest.mark.parametrize("text", ["password: null", "token: ''", "secret: 3", "token: true"])
def test_no_text_is_no_secret(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("AGE-SECRET-KEY-1" + "Q" * 58, "an age private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "a private key"),
        ("-----BEGIN PRIVATE KEY-----", "a private key"),
        ("ghp_" + "a1" * 18, "a GitHub token"),
        ("github_pat_" + "a1" * 20, "a GitHub token"),
        ("glpat-" + "a1" * 10, "a GitLab token"),
        ("xoxb-1234567890-abc", "a Slack token"),
        ("https://hooks.slack.com/services/T000/B000/XX", "a Slack web hook"),
        ("AIza" + "a" * 35, "a Google API key"),
        ("GOCSPX-" + "a" * 28, "a Google client secret"),
        (JWT, "a JSON Web Token"),
        ("https://ada:canary@git.example.org/x", "an address with a password in it"),
    ],
)
def test_known_shapes_are_found_wherever_they_stand(value, kind):
    (message,) = found(f"title: '{value}'\n")
    assert message.startswith(
        f"error[secret-in-plain-file]: `title` holds {kind}, which stands in a plain file\n"
    )
    assert value not in message
    (in_comment,) = findings_in_text(f"a: 1\n# {value}\n", "hub.yaml")
    assert in_comment.what == f"this line holds {kind}, which stands in a plain file"
    assert str(in_comment.place).startswith("hub.yaml:2:")
    assert value not in str(in_comment)


@pytest.mark.parametrize(
    "value",
    ["https://example.org/a:b@c", "git@github.com:a/b.git", "sha256:" + "0" * 64, "numpy>=2",
     "http://localhost:8000/x", "age1" + "q" * 58],
)  # fmt: skip
def test_ordinary_values_are_left_alone(value):
    assert found(f"title: '{value}'\n") == []


def test_a_mark_that_was_pasted_is_told():
    assert found("a: '<secret 0123456789ab>'\n") == [
        "error[mark-in-plain-file]: `a` holds the mark of a secret, which means nothing here\n"
        "  --> hub.yaml:1:1\n"
        "  why: hubfleet prints marks in place of values, so that they stay hidden.\n"
        "  hint: remove it; the value belongs into the secret file beside this one"
    ]
