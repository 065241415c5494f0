"""The environments of tox that a command runs, with what their files say of them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from release.project import as_table
from release.text import ini, toml
from release.text.toml import table_at

FILES = ("tox.ini", "setup.cfg", "pyproject.toml", "tox.toml")
BASE = "testenv"
# Of environments in braces, more are not told apart.
MAX_NAMES = 1000
# Of a name, and of what references in a value stand for, more is left as it is written.
MAX_NAME = 1000
MAX_TEXT = 1 << 20
NAMED = re.compile(r"-\w*?e(.*)", re.S)
# Commas part names, and not what stands in braces.
NAMES = re.compile(r"(?:\{[^{}]*\}|[^{},\n])+")
BRACES = re.compile(r"\{([^{}]*)\}")
# What tox knows by itself: interpreters, which run what all environments run.
INTERPRETER = re.compile(r"(?:py|pypy|cpython|graalpy|python)?-?[\d.]*t?")
REFERENCE = re.compile(r"\{\[([^\]\n]+)\](\w+)\}")
Environments = tuple[tuple[str, Mapping[str, Any]], ...]


def read(text: str, path: str) -> Environments:
    """The environments of a file by name, and `tox` itself.

    Raises ConfigurationError or TOMLDecodeError for what cannot be read.
    """
    if path.endswith(".toml"):
        data = toml.loads(text)
        table = table_at(data, "tool", "tox") if "tool" in data else data
        text = str(table.get("legacy_tox_ini", ""))
        if not text:
            base = {BASE: table.get("env_run_base"), "tox": table}
            named = {**{k: v for k, v in base.items() if v}, **as_table(table.get("env"))}
            return tuple((name, as_table(found)) for name, found in named.items())
    sections = ini.loads(text, path)
    found = []
    for section, table in sections.items():
        kind, _, names = section.partition(":")
        told = {key: _with_references(value, sections) for key, value in table.items()}
        if kind in ("tox", BASE):
            found += [
                (name, told) for name in (expanded(names) if kind == BASE and names else [kind])
            ]
    return tuple(found)


def _with_references(text: str, sections: ini.Sections) -> str:
    """A value with those that it takes from other sections, such as `{[testenv:a]commands}`."""
    left = MAX_TEXT

    def told(match: re.Match[str]) -> str:
        nonlocal left
        value = sections.get(match[1], {}).get(match[2], match[0])
        left -= len(value)
        return value if left > 0 else match[0]

    return REFERENCE.sub(told, text)


def expanded(names: str) -> list[str]:
    """Names that are parted by commas, each for all that it stands for (`a-{b,c}`)."""
    every = (one for name in NAMES.findall(names) for one in _expanded(name.strip()))
    return [name for name in itertools.islice(every, MAX_NAMES) if name]


def _expanded(name: str) -> Iterator[str]:
    if len(name) > MAX_NAME:
        return iter((name,))
    parts = enumerate(BRACES.split(name))
    choices = [part.split(",") if number % 2 else [part] for number, part in parts]
    return ("".join(map(str.strip, chosen)) for chosen in itertools.product(*choices))


def asked(words: Sequence[str], environments: Environments) -> frozenset[str]:
    """The environments that a command runs: those it names, else those that run by default."""
    words = [*itertools.takewhile(lambda word: word != "--", words)]
    told = []
    for word, following in itertools.zip_longest(words, words[1:], fillvalue=""):
        if match := NAMED.fullmatch(word):
            told += expanded(match[1] or following)
    return frozenset(told) or _default(environments)


def _default(environments: Environments) -> frozenset[str]:
    lists = [
        table.get(key)
        for name, table in environments
        for key in ("envlist", "env_list")
        if name == "tox"
    ]
    parts = [part for told in lists for part in (told if isinstance(told, list) else [told])]
    return frozenset(name for part in parts if part for name in expanded(str(part)))


def are_known(names: Iterable[str], environments: Environments) -> bool:
    """Whether it is known what environments run: those of other names run what all do."""
    known = _default(environments) | {name for name, _ in environments}
    return all(name in known or INTERPRETER.fullmatch(name) for name in names)
