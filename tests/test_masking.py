"""Secrets do not get through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.masking import MASK, Mask

SECRET = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=40)


@given(secret=SECRET, before=st.text(max_size=20), after=st.text(max_size=20))
def test_the_value_of_a_secret_variable_never_shows(secret: str, before: str, after: str) -> None:
    masked = Mask({"DEPLOY_TOKEN": secret})(f"{before}{secret}{after}")
    assert secret not in masked.replace(MASK, "") or secret in before + after


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "MY_SECRET", "DB_PASSWORD", "PASSWD", "AWS_ACCESS_KEY_ID", "API_KEY",
     "SSH_PRIVATE_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "TWINE_PASSPHRASE"],
)  # fmt: skip
def test_variables_that_hold_secrets_are_known_by_name(name: str) -> None:
    assert Mask({name: "a-long-value"})("x a-long-value y") == f"x {MASK} y"


def test_each_line_of_a_key_with_many_lines_is_masked() -> None:
    mask = Mask({"DEPLOY_PRIVATE_KEY": "first-line\nsecond-line"})
    assert mask("says second-line") == f"says {MASK}"


def test_ordinary_and_short_values_are_left_alone() -> None:
    mask = Mask({"HOME": "/home/someone", "MY_TOKEN": "1"})
    assert mask("1 of /home/someone") == "1 of /home/someone"


@given(
    user=st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    secret=st.from_regex(r"[A-Za-z0-9]{6,20}", fullmatch=True),
)
def test_credentials_in_an_address_are_masked(user: str, secret: str) -> None:
    mask = Mask({})
    assert secret not in mask(f"cloning https://{user}:{secret}@example.invalid/x.git now")
    assert secret not in mask(f"cloning https://{secret}@example.invalid/x.git now")
    assert mask("ssh://git@example.invalid/x") == "ssh://git@example.invalid/x"


def test_a_password_inside_an_address_is_masked_elsewhere_too() -> None:
    word = "pass" + "word1"
    mask = Mask({"DATABASE_URL": f"postgresql://me:{word}@localhost/db"})
    assert word not in mask(f"login failed for {word}")
