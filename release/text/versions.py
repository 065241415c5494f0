"""Version numbers by PEP 440: parsing, order, and the next one of a kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from packaging.version import Version

from release.model import Level
from release.text import patterns

# How bump-my-version takes a version apart unless it is told otherwise.
PARSE = r"(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)"


def parse(text: str) -> Version | None:
    """The version that `text` spells by PEP 440, None when it spells none."""
    try:
        return Version(text)
    except ValueError:  # InvalidVersion, or a number of more digits than Python reads
        return None


def next_version(current: Version, level: Level) -> Version:
    """The version that a release of that kind has after `current`.

    A patch, minor or major release of a pre-release is that very release when the pre-release
    already is one of that kind (1.3.0rc2, minor: 1.3.0); rc is the next candidate of a candidate,
    and the first candidate of the next minor version otherwise.
    """
    major, minor, patch = (*current.release, 0, 0, 0)[:3]
    # A fourth number puts it above the release of the first three, pre-release or not.
    pre = current.is_prerelease and not any(current.release[3:])
    if current.pre is None and current.post is not None:
        pre = False
    if level is Level.RC:
        if pre and current.pre and current.pre[0] == "rc":
            number = current.pre[1] + (0 if current.dev is not None and current.post is None else 1)
            found = f"{major}.{minor}.{patch}rc{number}"
        elif pre:
            found = f"{major}.{minor}.{patch}rc1"
        else:
            found = f"{major}.{minor + 1}.0rc1"
    elif level is Level.PATCH:
        found = f"{major}.{minor}.{patch if pre else patch + 1}"
    elif level is Level.MINOR:
        found = f"{major}.{minor if pre and patch == 0 else minor + 1}.0"
    else:
        found = f"{major if pre and minor == patch == 0 else major + 1}.0.0"
    return Version(f"{current.epoch}!{found}")


def level_of(previous: Version, version: Version) -> Level:
    """The kind of release that leads from `previous` to `version`.

    A pre-release is of the kind rc; anything else is of the kind of the first number that differs
    from the last final version's, and a post-release is a patch.
    """
    if version.is_prerelease:
        return Level.RC
    old, new = (((*one.release, 0, 0, 0)[:3]) for one in (previous, version))
    if version.epoch != previous.epoch or old[0] != new[0]:
        return Level.MAJOR
    if old[1] != new[1]:
        return Level.MINOR
    if previous.is_prerelease and new[2] == 0:
        return Level.MINOR if new[1] else Level.MAJOR
    return Level.PATCH


def final_version(current: Version) -> Version | None:
    """The release that a pre-release leads to; None when `current` is none."""
    if not current.is_prerelease or (current.pre is None and current.post is not None):
        return None
    return Version(current.base_version)


def is_next_step(current: Version, version: Version) -> bool:
    """Whether `version` skips nothing between itself and `current`, which is lower.

    Steps are the next patch, minor or major release or the one that a pre-release leads to, and of
    each its first pre-release (0 or 1), the next one of the same kind, or the first of a later
    kind; a post-release follows its own release or post-release by one. Development releases are
    counted by nobody. Calendar versions have no steps: their first number is a year.
    """
    if version.epoch != current.epoch:
        return version.epoch == current.epoch + 1
    if version.release[0] >= 1900 and version.release[0] >= current.release[0]:
        return True
    if version.post is not None:
        same = _numbers(version) == _numbers(current) and version.pre == current.pre
        if not same or current.dev is not None:
            return False
        return version.post <= (1 if current.post is None else current.post + 1)
    finals = {next_version(current, level) for level in (Level.PATCH, Level.MINOR, Level.MAJOR)}
    if (final := final_version(current)) is not None:
        finals.add(final)
    if Version(version.base_version) not in finals:
        return False
    if version.pre is None:
        return True
    kind, number = version.pre
    same_base = _numbers(version) == _numbers(current)
    if same_base and current.pre is not None and current.pre[0] == kind:
        return number <= current.pre[1] + 1
    return number <= 1


def _numbers(version: Version) -> tuple[int, ...]:
    numbers = list(version.release)
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def spelled_like(version: Version, current: str) -> str:
    """`version` as a project writes it whose current version is spelled `current`.

    Numbers are padded with zeros as they are there, a pre-release of the same kind gets the same
    marks, and there are two numbers where `current` has two and they do; the rest is normalised
    (PEP 440).
    """
    known = parse(current)
    if known is None:
        return str(version)
    normal = str(version)
    if len(known.release) == 2 and version.release[2:] == (0,):
        normal = re.sub(r"^((?:\d+!)?\d+\.\d+)\.0", r"\1", normal)
    return normal if str(known) == current else _marked(Version(normal), current) or normal


def as_cargo(version: str) -> str:
    """A version as Cargo takes it, by Semantic Versioning: a pre-release follows a hyphen."""
    known = parse(version)
    if known is None or not (known.pre or known.dev is not None):
        return version
    numbers = ".".join(map(str, (*known.release, 0, 0)[:3]))
    pre = [f"{known.pre[0]}.{known.pre[1]}"] if known.pre else []
    return f"{numbers}-{'.'.join([*pre, *([f'dev.{known.dev}'] if known.dev is not None else [])])}"


# A version as it may be written: numbers, a kind of pre-release between marks, its number.
_SPELLED = re.compile(r"(?P<numbers>\d+(?:\.\d+)+)(?:(?P<word>[-_.]?[A-Za-z]+[-_.]?)(?P<pre>\d+))?")


def _marked(version: Version, current: str) -> str | None:
    """A version with the zeros and marks of `current`; None where these do not tell."""
    found = _SPELLED.fullmatch(current)
    if found is None:
        return None
    widths = [len(n) if n[0] == "0" else 0 for n in found["numbers"].split(".")]
    widths += [0] * (len(version.release) - len(widths))
    numbers = [str(n).zfill(width) for n, width in zip(version.release, widths, strict=False)]
    spelled = ".".join(numbers)
    ends = [str(version).removeprefix(version.base_version)]
    if version.pre is not None and found["word"]:
        ends.insert(0, f"{found['word']}{version.pre[1]:0{_zeros(found['pre'])}}")
    return next((spelled + end for end in ends if parse(spelled + end) == version), None)


def _zeros(number: str) -> int:
    return len(number) if number[0] == "0" else 0


def poetry_range(text: str) -> str | None:
    """A version range of poetry's as PEP 440 spells it; "" for any version, None if unreadable.

    A caret allows what does not change the leftmost number that is not zero, a tilde what does not
    change the second one (the first, if it is the only one).
    """
    parts = []
    for item in filter(None, (item.strip() for item in text.split(","))):
        if item == "*":
            continue
        if match := re.fullmatch(r"([\^~])\s*(\d+(?:\.\d+)*)([\w.]*)", item):
            numbers = [int(number) for number in match[2].split(".")]
            if match[1] == "^":
                kept = next((i for i, n in enumerate(numbers) if n), len(numbers) - 1)
            else:
                kept = min(1, len(numbers) - 1)
            above = [*numbers[:kept], numbers[kept] + 1]
            parts.append(f">={match[2]}{match[3]},<{'.'.join(map(str, above))}")
        elif re.fullmatch(r"\d[\w.]*(\.\*)?", item):
            parts.append(f"=={item}")
        elif re.fullmatch(r"(<|>|<=|>=|==|!=|~=)\s*\d[\w.]*(\.\*)?", item):
            parts.append(item.replace(" ", ""))
        else:
            return None
    return ",".join(parts)


def released(tags: Iterable[str], template: str) -> dict[str, Version]:
    """The tags that spell a version by `template` (such as `v{version}`), with that version.

    Any spelling that PEP 440 reads counts: v1.0-rc1 is the tag of 1.0rc1.
    """
    before, _, after = template.partition("{version}")
    found = {}
    for tag in tags:
        if len(tag) <= len(before) + len(after) or not (
            tag.startswith(before) and tag.endswith(after)
        ):
            continue
        version = parse(tag[len(before) : len(tag) - len(after)])
        if version is not None:
            found[tag] = version
    return found


def spelled(tag: str, template: str, version: Version) -> bool:
    """Whether a tag names that version, be it spelled otherwise or with a v more or less."""
    before, _, after = template.partition("{version}")
    bare = before[:-1] if before[-1:] in {"v", "V"} else before
    return released([tag], f"{bare}{{version}}{after}").get(tag) == version


def tag_template(tags: Iterable[str], name: str) -> str | None:
    """How a project of that name spells its release tags, told from those that it has.

    Known are `v1.2.3`, `1.2.3`, and either after the name or "release" and one of - _ / @. The one
    that most tags follow is taken, the one with the highest version among equals; None without
    any.
    """
    counted: dict[str, list[Version]] = {}
    starts = "|".join(map(re.escape, dict.fromkeys((name, name.lower(), _underscored(name)))))
    pattern = re.compile(rf"((?:(?:{starts}|release)[-_/@])?v?)(\d.*)", re.I)
    for tag in tags:
        match = pattern.fullmatch(tag)
        version = parse(match[2]) if match else None
        if match and version is not None and "." in match[2]:
            counted.setdefault(match[1], []).append(version)
    if not counted:
        return None
    before = max(counted, key=lambda key: (len(counted[key]), max(counted[key]), key))
    return before + "{version}"


def holds_version(tag: str) -> bool:
    """Whether a tag has a version of two numbers or more somewhere in it."""
    return bool(re.search(r"(?<![\d.])\d+\.\d+", tag))


def _underscored(name: str) -> str:
    return re.sub(r"[-.]+", "_", name).lower()


@cache
def parts(pattern: str, version: str) -> Mapping[str, str]:
    """The parts of a version that a `parse` expression names and finds, numbers without zeros.

    Raises patterns.Unusable for an expression of the project's own that cannot be used.
    """
    if pattern == PARSE:
        match = re.search(PARSE, version)
        named = match.groupdict() if match else {}
    else:
        found = patterns.find(pattern, version, re.VERBOSE)
        named = found[0].named if found else {}
    return {
        name: str(int(value)) if value.isdecimal() else value
        for name, value in named.items()
        if value
    }
