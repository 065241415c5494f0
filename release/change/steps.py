"""Which version a release gets: by the kind of step, or by name. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from packaging.version import Version

from release.errors import ReleaseError, UsageError
from release.model import Finding, Level
from release.text.versions import final_version, is_next_step, next_version, parse

FINAL = "final"
STEPS = (*(level.value for level in Level), FINAL)


def target_version(
    step: str,
    current: Version,
    tags: Mapping[str, Version],
    before: Collection[Version],
    published: Collection[Version],
) -> Version:
    """The version that a step leads to.

    `step` is patch, minor, major, rc, final or a version by PEP 440. `current` is the version that
    the files (or, where version control defines it, the last tag) say; `tags` are the release tags
    here and on the remote, `before` the versions of those in this commit's history, `published`
    those that the index has. The answer is `current` itself where the files have the wanted version
    already and it was never released: there is nothing left to change.

    Raises UsageError for a step that is none, and ReleaseError when the version would go backwards,
    skip a step, be local, or exists already.
    """
    released = {*tags.values(), *published}
    pending = current not in released and current.dev is None
    last = max(before, default=None)
    if last is not None and pending and current > last and step in STEPS:
        wanted = final_version(last) if step == FINAL else next_version(last, Level(step))
        if wanted == current and not current.local:
            return current
        if step != FINAL:
            raise ReleaseError(_pending(current, step))
    version = _wanted(step, current)
    if version == current and pending and not current.local:
        return current
    problem = _refusal(version, current, tags, published, by_name=step not in STEPS)
    if problem is not None:
        raise ReleaseError(problem)
    return version


def _pending(current: Version, step: str) -> Finding:
    if current.local:
        return _local(current)
    return Finding(
        f"{current} is in the files and was never released: no tag names it",
        remedy=f"release it (nox -s tag), or go to another version by name instead of {step}",
    )


def _local(version: Version) -> Finding:
    return Finding(
        f"{version} is a local version, which no index takes", remedy=f"release {version.public}"
    )


def _wanted(step: str, current: Version) -> Version:
    if step == FINAL:
        final = final_version(current)
        if final is None:
            raise ReleaseError.of(
                f"{current} is not a pre-release, so there is no final version of it",
                remedy="use patch, minor or major",
            )
        return final
    if step in STEPS:
        return next_version(current, Level(step))
    version = parse(step)
    if version is None:
        raise UsageError.of(
            f"{step!r} is neither a kind of release nor a version by PEP 440",
            remedy=f"give one of {', '.join(STEPS)}, or a version such as {current}",
        )
    return version


def _refusal(
    version: Version,
    current: Version,
    tags: Mapping[str, Version],
    published: Collection[Version],
    *,
    by_name: bool,
) -> Finding | None:
    """Why a version cannot be released next, None if it can."""
    existing = sorted(tag for tag, found in tags.items() if found == version)
    if version.local:
        return _local(version)
    if existing:
        return Finding(
            f"{version} exists already: the tag {existing[0]}",
            remedy="release a higher version: a published tag is never moved",
        )
    if version in published:
        return Finding(
            f"{version} is on the index already, and no tag here names it",
            remedy="git pull --tags, if it was released elsewhere; else name a higher version: an"
            " index never takes other files for this one",
        )
    if version <= current:
        return Finding(
            f"{version} is not above the current version, {current}",
            remedy="versions only go up; name a higher one",
        )
    known = {current, *tags.values(), *published}
    if by_name and not any(one < version and is_next_step(one, version) for one in known):
        steps = ", ".join(str(next_version(current, level)) for level in Level)
        return Finding(
            f"{version} skips a step after {current}", remedy=f"the next versions are {steps}"
        )
    return None
