"""Keeps secrets out of logs, reports and evidence."""

from __future__ import annotations

import base64
import html
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, pairwise
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote, unquote_plus

SECRET_NAME = re.compile(
    r"token|secret|passw|passphrase|credential|creds?(?:_|$)|api_?key|access_?key|private_?key"
    r"|sign_?key|key_?material|_key(?:_?(?:b(?:ase)?64|pem|der|p8|json|data|content))?$"
    r"|_auth(?:_config)?$|^auth(?:_|$)|authorization|bearer|(?:^|_)jwt(?:_|$)|cookie|session_?key"
    r"|(?<!by)(?<!com)pass(?:_|$)|^(?!old).+_?pwd$|(?:^|_)(?:pat|psk|pw|otp)$|passcode"
    r"|webhook(?:_?url)?$"
    r"|connection_?string",
    re.I,
)
# Variables whose values may look like chance and are not secret: what a CI says of a job, commits.
HARMLESS_NAME = re.compile(
    r"^(?:actions|agent|bitbucket|build|buildkite|cargo|ci|circle|conda|dbus|dotnet|git|github"
    r"|gitlab|gnome|gradle|invocation|java|jenkins|journal|kde|lc|less|ls|node|nox|nvm|pip|pyenv"
    r"|pytest|readthedocs|runner|rustup|session|ssh|system|tox|travis|uv|virtual|vscode|xdg)_"
    r"|(?:^|_)(?:branch|checksum|colors|commit|date|digest|dir|dirs|display|editor|file|fingerprint"
    r"|folder|hash|home|host|hostname|id|image|lang|language|name|path|prefix|pwd|ref|revision|root"
    r"|sha|sha1|sha256|sha512|shell|socket|tag|temp|term|time|tmp|tmpdir|user|uuid|version)$",
    re.I,
)
KNOWN = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
    r"|\b(?:gh[oprsu]_|github_pat_|gl[a-z]{2,6}-|pypi-|npm_|hf_|dckr_pat_|dop_v1_|shpat_|glsa_|hvs\."
    r"|xox[a-z]-|xapp-|sk-|[prs]k_(?:live|test)_|AKIA|ASIA|AIza|ya29\.|SG\.|AGE-SECRET-KEY-)"
    r"[\w.-]{16,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",
    re.S,
)
# Letters and digits that change places as often as chance has it, and few of which are the same.
WORD = re.compile(r"[\w+/-]{20,}={0,2}", re.A)
# What an absolute path may be; base64 may begin with a slash, too.
PATH = re.compile(r"(?<![\w+/.-])(?P<top>(?:[A-Za-z]:\\|/)[\w+.-]+)(?:[/\\][^\s:;,'\"]*)?", re.A)
LEAST_CHANGES = 0.2
LEAST_ENTROPY = 3.2
LEAST = 20
LONGEST_WORD = 4096
URL_SAFE = str.maketrans("+/", "-_")
LINE_WIDTHS = (64, 76)
SHORTEST, LONGEST = 6, 8_192
# Up to the last @ before the path; and, since other clients than those of HTTP are given passwords
# with a slash in them and then complain of what they took for the host, up to the last one of all.
URL_PASSWORD = re.compile(
    r"(?<=://)(?:(?<!http://)(?<!https://)[^\s/@:'\"]*:(?:(?!://)[^\s'\"])+"
    r"|[^\s/@:'\"]*:[^\s/'\"]+)(?=@)",
    re.I,
)
URL_USER = re.compile(r"(?<=http://)[^\s/@:'\"]+(?=@)|(?<=https://)[^\s/@:'\"]+(?=@)")
# A parameter of a URL, as libpq takes it and others do, or of libpq's other form, host=... user=...
# A name in braces stands for a password and is none.
PARAMETER = re.compile(r"(?<=password=)(?!'?\{)(?:'(?:[^'\\\n]|\\.)*'?|[^\s&'\"]+)", re.I)
SPACED = re.compile(r"(?<=password)\s*=\s*", re.I)
# In JSON, such as that of DOCKER_AUTH_CONFIG.
PAIR = re.compile(r'"([\w-]+)"\s*:\s*"([^"\\]+)"')
# What a shell quotes by a backslash, outside of double quotes and in them.
SHELL_SPECIAL = re.compile(r"[ \t!\"#$&'()*,;<=>?\[\\\]^`{|}]|^~")
DOUBLE_SPECIAL = re.compile(r"[$`\"\\]")
ENDS = 20
MASK = "***"


class Mask:
    """Replaces the values of environment variables that hold secrets, and credentials in URLs.

    A variable holds one by its name or by the look of its value. Whatever form a value takes is
    replaced: quoted as in JSON, in a URL or in a shell, and in base64, alone or within a text.
    `environ` is where the values come from. Values shorter than six characters are left alone:
    masking every "1" would hide the log and protect nothing.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        values = {value for name in environ for value in secrets(name, environ[name])}
        forms = {form for value in values if len(value) >= SHORTEST for form in _forms(value)}
        found = [form for form in forms if len(form) >= SHORTEST]
        self._values = re.compile(_either(found)) if found else None

    def __call__(self, text: str) -> str:
        """`text` with every known secret replaced by `***`."""
        if self._values is not None:
            text = self._values.sub(MASK, text)
        if "://" in text:
            text = URL_PASSWORD.sub(f"{MASK}:{MASK}", text)
            text = URL_USER.sub(MASK, text)
        return PARAMETER.sub(MASK, text) if "password=" in text.lower() else text

    def found(self, text: str) -> set[str]:
        """The values of the environment that stand in `text`, in whatever form."""
        return set(self._values.findall(text)) if self._values is not None else set()


def secrets(name: str, value: str) -> Iterator[str]:
    """Every text in a variable that must not be shown."""
    if SECRET_NAME.search(name):
        yield from (value, *value.splitlines())
        yield from (text for key, text in PAIR.findall(value) if SECRET_NAME.search(key))
    for text in KNOWN.findall(value):
        yield from (text, *text.splitlines())
    if not HARMLESS_NAME.search(name):
        yield from _random(value)
    yield from _passwords(value)


def is_secret(name: str, value: str) -> bool:
    """Whether a variable is to be kept out of sight, by its name or its value."""
    return bool(URL_USER.search(value)) or any(True for _ in secrets(name, value))


def blanked(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Every variable that holds a secret, without it: for a program that writes what it reads."""
    return {name: "" for name, value in environ.items() if is_secret(name, value)}


def _random(value: str) -> Iterator[str]:
    """What looks like a key, in a value or in a part of an address; a path does not."""
    for word in WORD.findall(PATH.sub(_unless_path, value)):
        parts = {word, *word.split("/")}
        yield from (part for part in parts if len(part) >= LEAST and _looks_random(part))


def _unless_path(match: re.Match[str]) -> str:
    """The text, or nothing where it is a path: one below a folder that this machine has."""
    return "" if Path(match["top"]).is_dir() else match[0]


def _looks_random(word: str) -> bool:
    word = word[:LONGEST_WORD]
    kinds = [_kind(character) for character in word]
    changes = sum(bool(a and b) and a != b for a, b in pairwise(kinds))
    shares = [count / len(word) for count in Counter(word).values()]
    entropy = -sum(share * math.log2(share) for share in shares)
    return "digit" in kinds and changes >= len(word) * LEAST_CHANGES and entropy >= LEAST_ENTROPY


def _passwords(value: str) -> Iterator[str]:
    """Every text that may be a password in URLs and connection strings, quoted and not."""
    for match in URL_PASSWORD.findall(value):
        # Which @ ends it, only those who read the URL know.
        parts = match.partition(":")[2].split("@", ENDS)
        for end in range(1, len(parts) + 1):
            text = "@".join(parts[:end])
            yield from (text, unquote(text), unquote_plus(text))
    for text in PARAMETER.findall(SPACED.sub("=", value)):
        bare = re.sub(r"\\(.)", r"\1", text.strip("'"))
        yield from (text, bare, unquote(text), unquote_plus(text))


def _kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    return "upper" if character.isupper() else "lower" if character.islower() else ""


def _forms(value: str) -> Iterator[str]:
    """A secret as programs write it."""
    yield value
    if len(value) > LONGEST:
        return
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield value.replace("'", "'\\''")
    yield value.replace("'", "'\"'\"'")  # shlex
    yield SHELL_SPECIAL.sub(r"\\\g<0>", value)  # printf %q
    yield DOUBLE_SPECIAL.sub(r"\\\g<0>", value)
    yield html.escape(value)
    yield html.escape(value).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield ascii(value)[1:-1]
    yield quote_plus(value)
    for safe in ("", "/", "!'()*~"):
        yield quote(value, safe=safe)
    octets = value.encode("utf-8", "surrogateescape")
    for start in range(3):
        yield from _base64(octets, start)


def _base64(value: bytes, start: int) -> Iterator[str]:
    """What base64 makes of a secret that begins at this octet of three, in lines or not.

    The characters that depend on what is before and after it are left out.
    """
    whole = base64.b64encode(bytes(start) + value).decode()
    text = whole[-(-start * 8 // 6) : (start + len(value)) * 8 // 6]
    yield text
    yield text.translate(URL_SAFE)
    if start == 0:
        for width in LINE_WIDTHS:
            yield from (text[at : at + width] for at in range(0, len(text), width))


def _either(texts: Iterable[str], depth: int = 2) -> str:
    """A pattern for any of the texts, the longest first, that tries few of them at each place."""
    if not depth:
        return "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
    branches = (
        f"{re.escape(start)}(?:{_either([text[1:] for text in found], depth - 1)})"
        for start, found in groupby(sorted(texts), key=lambda text: text[0])
    )
    return "|".join(branches)
