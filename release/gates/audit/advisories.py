"""What pip-audit answered about known vulnerabilities, and the judgement on it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name, canonicalize_version

from release.model import Finding, Judgement, Outcome
from release.text.escaping import listing, sentence
from release.text.versions import parse

if TYPE_CHECKING:
    from release.gates.audit.settings import AuditIgnore

SHOWN_LENGTH = 160
SETTINGS = "tool.release.gates.audit"
SOURCE_REMEDY = (
    f"run it where the advisory source can be reached, or name another one: {SETTINGS}.service and"
    " osv-url"
)
# How pip-audit repeats, at the end of its reason, which distribution it skipped.
SUBJECT = re.compile(r": \S+ \(\S+\)$")
# What pip-audit says of an advisory that it received and left out of its answer.
LEFT_OUT = re.compile(r"OSV vuln entry '.*' is missing .*|Unsupported OSV schema version.*")

EXCEPTION = re.compile(r"^[\w.]+(?:Error|Exception|Timeout|Redirects): .+$", re.M)


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """A known vulnerability of one distribution; `fixed` are the versions that fix it."""

    package: str
    version: str
    id: str
    aliases: tuple[str, ...]
    fixed: tuple[str, ...]
    description: str

    def is_called(self, name: str) -> bool:
        """Whether `name` is its identifier or an alias of it, in whatever case."""
        return name.casefold() in {known.casefold() for known in (self.id, *self.aliases)}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was looked up: names (normalised) with versions, and with reasons why one was not."""

    audited: Mapping[str, str]
    skipped: Mapping[str, str]
    vulnerabilities: tuple[Vulnerability, ...]


def read_answer(text: str, status: int) -> Answer:
    """Read the JSON that pip-audit wrote before it ended with `status`.

    Raises ValueError when it is not a whole answer, or one that the exit status contradicts:
    pip-audit ends with 1 for a vulnerability and for a crash alike.
    """
    try:
        data = json.loads(text)
        audited: dict[str, str] = {}
        skipped: dict[str, str] = {}
        found: list[Vulnerability] = []
        for dependency in data["dependencies"]:
            name = canonicalize_name(dependency["name"])
            if "skip_reason" in dependency:
                skipped[name] = str(dependency["skip_reason"])
            else:
                audited[name] = str(dependency["version"])
                found += (_vulnerability(dependency, item) for item in dependency["vulns"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an answer of pip-audit: {error!r}") from error
    if status != (1 if found else 0):
        raise ValueError(f"exit status {status} with {len(found)} vulnerabilities")
    return Answer(audited, skipped, tuple(found))


def _vulnerability(dependency: Any, item: Any) -> Vulnerability:
    return Vulnerability(
        package=canonicalize_name(dependency["name"]),
        version=str(dependency["version"]),
        id=str(item["id"]),
        aliases=tuple(sorted(map(str, item.get("aliases", ())))),
        fixed=tuple(map(str, item["fix_versions"])),
        description=sentence(str(item.get("description") or ""), SHOWN_LENGTH),
    )


def unanswered(said: str, last_line: str, ignores: Sequence[AuditIgnore], today: date) -> Outcome:
    """The outcome when pip-audit wrote no answer: unchecked, or failed by an expired ignore.

    The reason is the last exception that its error stream `said` explains, else `last_line`: the
    exception it ends with often says nothing, and the one that caused it does.
    """
    explained = EXCEPTION.findall(said)
    why = sentence(explained[-1] if explained else last_line, SHOWN_LENGTH)
    reason = f"pip-audit gave no answer: {why}"
    gap = Finding(reason, remedy=SOURCE_REMEDY)
    judged = Judgement(0, tuple(expired_ignores(ignores, today)), unchecked=(gap,))
    return judged.settle(reason)


def not_judged(listed: Mapping[str, str], answer: Answer, said: str) -> list[str]:
    """Why the answer does not cover every distribution that was asked about; empty if it does.

    `listed` holds names (normalised) and versions, `said` is the tool's error stream: pip-audit
    drops an advisory that it cannot read and mentions that only there.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name, reason in sorted(answer.skipped.items()):
        groups[sentence(SUBJECT.sub("", reason), SHOWN_LENGTH)].append(name)
    for name, version in sorted(listed.items()):
        heard = answer.audited.get(name)
        if heard is not None and canonicalize_version(heard) != canonicalize_version(version):
            groups["another version was looked up"].append(f"{name} {heard} instead of {version}")
        elif heard is None and name not in answer.skipped:
            groups["not in the answer"].append(name)
    for name in sorted({*answer.audited, *answer.skipped} - listed.keys()):
        groups["in the answer, and nobody asked"].append(name)
    for match in LEFT_OUT.finditer(said):
        groups["an advisory was left out"].append(sentence(match[0], SHOWN_LENGTH))
    return [f"{reason}: {listing(list(dict.fromkeys(items)))}" for reason, items in groups.items()]


def judge(
    listed: Mapping[str, str],
    answer: Answer,
    said: str,
    ignores: Sequence[AuditIgnore],
    today: date,
) -> Outcome:
    """The outcome for the distributions in `listed` (see `not_judged`).

    A vulnerability fails unless an ignore that has not expired names it; an expired ignore always
    fails. What could not be looked up leaves the rest unchecked.
    """
    gaps = not_judged(listed, answer, said)
    current = [ignore for ignore in ignores if today <= ignore.expires]
    defects, notes = [], []
    for found in answer.vulnerabilities:
        accepted = next((ignore for ignore in current if found.is_called(ignore.id)), None)
        if accepted is None:
            message = f"{_title(found)}: {found.description}".removesuffix(": ")
            defects.append(Finding(message, remedy=_remedy(found)))
        else:
            message = f"{_title(found)}, ignored until {accepted.expires}: {accepted.reason}"
            notes.append(Finding(message))
    defects += expired_ignores(ignores, today)
    count = len(listed)
    judged = Judgement(count, tuple(defects), notes=tuple(notes))
    if gaps:
        reason = f"not everything was looked up: {'; '.join(gaps)}"
        judged += Judgement(unchecked=(Finding(reason, remedy=SOURCE_REMEDY),))
    else:
        judged += Judgement(advice=tuple(_unneeded(current, answer.vulnerabilities)))
    return judged.settle(
        f"{count} runtime {'dependency' if count == 1 else 'dependencies'}, "
        + (f"known vulnerabilities ignored: {len(notes)}" if notes else "no known vulnerability"),
        facts={"dependencies": str(count), "ignored": str(len(notes))},
    )


def expired_ignores(ignores: Sequence[AuditIgnore], today: date) -> list[Finding]:
    """A finding for each ignore whose last day is over."""
    return [
        Finding(
            f"the ignore of {ignore.id} expired on {ignore.expires} ({ignore.reason})",
            path="pyproject.toml",
            remedy=f"remove it from {SETTINGS}.ignore, or think again and set a later date",
        )
        for ignore in ignores
        if today > ignore.expires
    ]


def _unneeded(current: Sequence[AuditIgnore], found: Sequence[Vulnerability]) -> Iterator[Finding]:
    for ignore in current:
        if not any(vulnerability.is_called(ignore.id) for vulnerability in found):
            yield Finding(
                f"the ignore of {ignore.id} is no longer needed: nothing of that name was found",
                path="pyproject.toml",
                remedy=f"remove it from {SETTINGS}.ignore",
            )


def _title(found: Vulnerability) -> str:
    aliases = f" ({', '.join(found.aliases)})" if found.aliases else ""
    return f"{found.package} {found.version} has {found.id}{aliases}"


def _remedy(found: Vulnerability) -> str:
    accept = f"accept it for a while in {SETTINGS}.ignore (id, reason, expires)"
    if not found.fixed:
        return f"no fixed version is known: replace {found.package}, or {accept}"
    own = parse(found.version)
    later = [v for v in found.fixed if own and (fixed := parse(v)) and fixed > own]
    return (
        f"require {found.package} {(later or found.fixed)[0]} or later"
        f" (fixed in {', '.join(found.fixed)}), or {accept}"
    )
