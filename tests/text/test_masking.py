"""Secrets do not get through."""

from __future__ import annotations

import base64
import json
import random
import shlex
import string
import uuid
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import markupsafe
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.text.masking import MASK, Mask, blanked, is_secret

SECRET = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=40)


@given(secret=SECRET, before=st.text(max_size=20), after=st.text(max_size=20))
def test_the_value_of_a_secret_variable_never_shows(secret: str, before: str, after: str) -> None:
    masked = Mask({"DEPLOY_TOKEN": secret})(f"{before}{secret}{after}")
    assert secret not in masked.replace(MASK, "") or secret in before + after


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "MY_SECRET", "DB_PASSWORD", "PASSWD", "AWS_ACCESS_KEY_ID", "API_KEY",
     "SSH_PRIVATE_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "TWINE_PASSPHRASE",
     "DOCKER_AUTH_CONFIG", "SLACK_WEBHOOK_URL", "DEPLOY_KEY_B64", "SIGNING_KEY_BASE64",
     "DB_PASS", "SMTP_PASS", "SSHPASS", "PASS_FILE", "CREDS", "AWS_CREDS", "PRIVATE_KEY_PEM",
     "SIGNKEY", "KEY_MATERIAL", "AUTHORIZATION", "PROXY_AUTHORIZATION", "BEARER", "JWT",
     "ID_JWT", "COOKIE", "SESSION_COOKIE", "WIFI_PSK", "SQL_CONNECTION_STRING"],
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


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["://x:", "a:", "password=", "password='", "://a:@", "http://a:"])
def test_large_texts_take_linear_time(unit: str) -> None:
    text = f"postgresql://{unit * 30_000}"
    assert Mask({"A": text})("quiet") == "quiet"
    assert Mask({})(text)


ALPHANUMERIC = string.ascii_letters + string.digits
WRITTEN: dict[str, Callable[[str], str]] = {
    "json": lambda secret: json.dumps({"a": secret}),
    "json in Unicode": lambda secret: json.dumps({"a": secret}, ensure_ascii=False),
    "python": repr,
    "address": lambda secret: f"x?a={quote(secret, safe='')}&b=1",
    "path of an address": lambda secret: quote(secret),
    "form": lambda secret: f"a={quote_plus(secret)}",
    "html": escape,
    "shell": lambda secret: "'" + secret.replace("'", "'\\''") + "'",
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 of a line": lambda secret: base64.b64encode(f"{secret}\n".encode()).decode(),
    "base64 of a pair": lambda secret: base64.b64encode(f"me:{secret}".encode()).decode(),
    "base64 in an address": lambda secret: base64.urlsafe_b64encode(
        f"a:{secret}".encode()
    ).decode(),
    "base64 in lines": lambda secret: base64.encodebytes(secret.encode()).decode(),
}


@pytest.mark.parametrize("form", WRITTEN)
@settings(max_examples=30)
@given(secret=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=9, max_size=90))
def test_a_secret_is_masked_however_it_is_written(form: str, secret: str) -> None:
    written = WRITTEN[form](secret)
    masked = Mask({"DEPLOY_TOKEN": secret})(written)
    assert MASK in masked
    # Of base64 the first and the last characters depend on what is beside the secret.
    assert len(masked.replace(MASK, "")) <= len(WRITTEN[form]("")) + 10


def chance(kinds: str, length: int, seed: int) -> str:
    found = "".join(random.Random(seed).choices(kinds, k=length))  # noqa: S311
    return found[:5] + "7" + found[6:]


@pytest.mark.parametrize("length", [24, 32, 40, 64])
@pytest.mark.parametrize(
    "kinds",
    [
        string.ascii_letters + string.digits,
        string.ascii_letters + string.digits + "_-",
        string.hexdigits,
    ],
)
def test_a_value_that_looks_like_a_key_is_masked_whatever_its_name(kinds: str, length: int) -> None:
    values = [chance(kinds, length, seed) for seed in range(200)]
    found = [value for value in values if Mask({"THING": value})(f"x {value} y") == f"x {MASK} y"]
    assert len(found) >= 195


@pytest.mark.parametrize(
    "value", ["--key={}", "a {} b", "https://hooks.example.invalid/T0/B0/{}", "id:{}", "x,{},y"]
)
def test_a_key_within_a_value_is_masked_alone(value: str) -> None:
    key = chance(ALPHANUMERIC, 32, 1)
    assert Mask({"THING": value.format(key)})(f"says {key}") == f"says {MASK}"


def test_a_path_of_this_machine_is_shown(tmp_path: Path) -> None:
    place = tmp_path / ".cache" / "small-thing-1777f067d6ffb3ff" / "bin"
    for value in (str(place), f"{place}:/usr/bin", f"--cache={place}/python"):
        assert Mask({"_": value})(f"in {place}") == f"in {place}"


def test_a_key_that_begins_with_a_slash_is_masked() -> None:
    key = "/" + chance(ALPHANUMERIC, 39, 1)
    assert MASK in Mask({"THING": key})(f"says {key}")


@pytest.mark.parametrize(
    "start", ["ghp_", "github_pat_", "glpat-", "pypi-", "xoxb-", "sk-", "AKIA"]
)
def test_a_known_kind_of_token_is_masked_even_in_a_harmless_variable(start: str) -> None:
    token = start + "ABCDEFGHIJKLMNOP"
    assert Mask({"GIT_BRANCH": token})(f"x {token}") == f"x {MASK}"


def test_each_line_of_a_private_key_is_masked_whatever_the_name_of_the_variable() -> None:
    dashes = "-" * 5
    key = f"{dashes}BEGIN OPENSSH PRIVATE KEY{dashes}\nfirst-line\nlast-line"
    assert Mask({"THING": key})("of last-line") == f"of {MASK}"


HARMLESS = {
    "PATH": "/usr/local/bin:/opt/Tool3A1b9Zq8X7w6V5u/bin:relative/bin",
    "PWD": "/home/someone/work-2026-11/project",
    "LANG": "en_US.UTF-8",
    "LS_COLORS": "rs=0:di=01;34:ln=01;36:mh=00:pi=40;33:so=01;35:do=01;35:bd=40;33;01",
    "GITHUB_SHA": "4f9d0c1be27a83f65d904c2b7ea1f03d8865bc92",
    "GITHUB_WORKFLOW_REF": "org/project/.github/workflows/ci.yml@refs/heads/main",
    "CI_COMMIT_SHA": "4f9d0c1be27a83f65d904c2b7ea1f03d8865bc92",
    "RUNNER_TRACKING_ID": "github_1f0c9a7e-7b52-4c1d-9d3e-0a1b2c3d4e5f",
    "PYTHON_SHA256": "c1be27a83f65d904c2b7ea1f03d8865bc924f9d0c1be27a83f65d904c2b7ea1f",
    "SOURCE_COMMIT": "4f9d0c1be27a83f65d904c2b7ea1f03d8865bc92",
    "HOSTNAME": "ip-10-0-123-45.eu-west-1.compute.internal",
    "SOURCE_DATE_EPOCH": "1767225845",
    "UV_EXCLUDE_NEWER": "2026-11-21T00:00:00Z",
    "JAVA_TOOL_OPTIONS": "-Djava.net.preferIPv4Stack=true -XX:MaxRAMPercentage=75.0",
    "LABEL": "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "TITLE": "feature/improve-release-notes-2026-11-of-the-whole-project",
    "ENGINE": "docker.io/library/python:3.11.7-slim-bookworm",
    "FACTORY": "com.example.MyApplicationFactoryBean",
    "BYPASS": "no-thanks",
    "COMPASS": "north-by-northwest",
    "OLDPWD": "/home/someone",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_known_to_all_is_not_masked(name: str) -> None:
    assert Mask({name: HARMLESS[name]})(HARMLESS[name]) == HARMLESS[name]


@given(st.uuids(version=4))
def test_identifiers_are_not_masked_where_the_name_says_so(value: uuid.UUID) -> None:
    assert not is_secret("REQUEST_ID", str(value))


def test_many_secrets_mask_a_long_text_in_time() -> None:
    mask = Mask({f"T{n}_TOKEN": chance(ALPHANUMERIC, 40, n) for n in range(60)})
    text = "tests/run/test_checklist.py::test_the_terminal_says PASSED [ 12%]\n" * 10_000
    assert mask(text) == text


@pytest.mark.parametrize("name", ["PAT", "DB_PW", "OTP", "ADMIN_PASSCODE"])
def test_a_short_name_for_a_secret_is_known(name: str) -> None:
    assert is_secret(name, "correct-horse-battery")


def test_a_secret_is_masked_as_python_the_shell_and_markup_quote_it() -> None:
    secret = "pa$$ w0rd\"'<&>\\\u00e9"
    quoted = shlex.quote(secret)
    double = '"pa\\$\\$ w0rd\\"\'<&>\\\\\u00e9"'
    bare = "pa\\$\\$\\ w0rd\\\"\\'\\<\\&\\>\\\\\u00e9"
    masked = Mask({"DB_PASS": secret})
    for form in (quoted, double, bare, ascii(secret), str(markupsafe.escape(secret))):
        assert "w0rd" not in masked(form)


def test_a_program_sees_a_secret_blank_and_all_else_as_it_is() -> None:
    environ = {"DEPLOY_PASSWORD": "correct-horse-battery", "DEPLOY_PLACE": "Ghent"}
    assert blanked(environ) == {"DEPLOY_PASSWORD": ""}
    assert Mask(environ).found("to Ghent, correct-horse-battery") == {"correct-horse-battery"}
    assert Mask({"DEPLOY_PLACE": "Ghent"}).found("to Ghent") == set()
