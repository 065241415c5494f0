from __future__ import annotations

import random
import string

import pytest

from release.gates.build.credentials import secret_kinds

LETTERS = string.ascii_letters + string.digits


def random_text(length: int, alphabet: str = LETTERS) -> str:
    """Text that looks like a credential; made here, so that none is in the repository."""
    return "".join(random.Random(7).choices(alphabet, k=length))  # noqa: S311


def key(body: str, kind: str = "RSA PRIVATE") -> str:
    return f"-----BEGIN {kind} KEY-----\n{body}\n-----END {kind} KEY-----\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (key(random_text(64)), "a private key"),
        (key("abcd"), "a private key"),
        (key(f"Proc-Type: 4,ENCRYPTED\n\n{random_text(64)}"), "a private key"),
        (key(random_text(64), "PRIVATE"), "a private key"),
        ("AKIA" + random_text(16, string.ascii_uppercase), "an access key of AWS"),
        ("token = 'ghp_" + random_text(36) + "'", "a token of GitHub"),
        ("pypi-" + "AgE" + random_text(80), "a token of a package index"),
        ("npm_" + random_text(36), "a token of npm"),
        ("xoxb-" + random_text(40), "a token of Slack"),
    ],
)
def test_a_credential_is_known_by_its_form(text: str, kind: str) -> None:
    assert list(secret_kinds(text.encode())) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "if line == '-----BEGIN PRIVATE KEY-----':\n    decode()",
        key("..."),
        key(random_text(64), "PUBLIC"),
        "AKIAIOSFODNN7" + "EXAMPLE",
        "ghp_" + "a" * 36,
        "ghp_" + random_text(20),
        "npm_install_everything_that_is_needed_here",
    ],
)
def test_names_and_placeholders_are_no_credentials(text: str) -> None:
    assert list(secret_kinds(text.encode())) == []
