"""Secrets do not get through."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.text.masking import MASK, Mask

SECRET = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=40)


@given(secret=SECRET, before=st.text(max_size=20), after=st.text(max_size=20))
def test_the_value_of_a_secret_variable_never_shows(secret: str, before: str, after: str) -> None:
    masked = Mask({"DEPLOY_TOKEN": secret})(f"{before}{secret}{after}")
    assert secret not in masked.replace(MASK, "") or secret in before + after


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "MY_SECRET", "DB_PASSWORD", "PASSWD", "AWS_ACCESS_KEY_ID", "API_KEY",
     "SSH_PRIVATE_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "TWINE_PASSPHRASE",
     "DOCKER_AUTH_CONFIG", "SLACK_WEBHOOK_URL", "DEPLOY_KEY_B64", "SIGNING_KEY_BASE64"],
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


def test_the_password_of_a_url_is_masked_without_its_quoting_too() -> None:
    mask = Mask({"DATABASE_URL": "postgresql://me:s3cr%2Ft%20w%40rd@db/shop"})
    assert mask("s3cr%2Ft%20w%40rd s3cr/t w@rd") == "*** ***"


@pytest.mark.parametrize("value", ["hunter2-hunter2", "hunter2%2Fhunter2"])
def test_a_password_among_a_urls_parameters_is_masked(value: str) -> None:
    url = f"postgresql://db/shop?password={value}&sslmode=require"
    assert Mask({"DATABASE_URL": url})(f"{value} {unquote(value)}") == "*** ***"
    assert Mask({})(url) == "postgresql://db/shop?password=***&sslmode=require"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://u:p@ssw/ord1@host/db", "postgresql://***:***@host/db"),
        ("https://u:p@ss@host/x", "https://***:***@host/x"),
        ("git+https://u:word@host/org/x@v1.0", "git+https://***:***@host/org/x@v1.0"),
        ("redis://u:w@h/0,amqp://u:x@i/0", "redis://***:***@h/0,amqp://***:***@i/0"),
        ("redis://localhost:6379/0 of me@host", "redis://localhost:6379/0 of me@host"),
    ],
)
def test_what_is_before_the_last_at_sign_is_masked(text: str, masked: str) -> None:
    assert Mask({})(text) == masked


def test_a_password_with_special_characters_is_masked_elsewhere_too() -> None:
    mask = Mask({"A": "postgresql://u:p@ssw/ord1@host/db", "B": "redis://u:second@h/0?by=me@here"})
    assert mask("p@ssw/ord1 second") == "*** ***"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("host=db password=hunter2-2 dbname=x", "host=db password=*** dbname=x"),
        ("PASSWORD='it\\'s one' host=db", "PASSWORD=*** host=db"),
        ("password='unfinished\nhost=db", "password=***\nhost=db"),
        ("the password = of all", "the password = of all"),
        ("password='{password}' host={host}", "password='{password}' host={host}"),
    ],
)
def test_a_password_in_a_connection_string_is_masked(text: str, masked: str) -> None:
    assert Mask({})(text) == masked


@pytest.mark.parametrize(
    "value", ["host=db password=it-s-one", "password = it-s-one", "password='it-s-one' host=db"]
)
def test_the_password_of_a_connection_string_is_masked_elsewhere_too(value: str) -> None:
    assert Mask({"DSN": value})("as it-s-one") == f"as {MASK}"


def test_what_is_secret_in_json_is_masked_alone_too() -> None:
    value = '{"auths": {"registry.invalid": {"auth": "dXNlcjpwYXNz"}}}'
    mask = Mask({"DOCKER_AUTH_CONFIG": value})
    assert mask("dXNlcjpwYXNz of registry.invalid") == f"{MASK} of registry.invalid"


@pytest.mark.parametrize("unit", ["://x:", "a:", "password=", "password='", "://a:@", "http://a:"])
def test_large_texts_take_linear_time(unit: str) -> None:
    text = f"postgresql://{unit * 30_000}"
    assert Mask({"A": text})("quiet") == "quiet"
    assert Mask({})(text)
