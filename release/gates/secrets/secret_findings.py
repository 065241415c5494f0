"""Secrets that kingfisher found: what it reports, what of it is accepted, and the verdict.

Nothing here keeps the value of a secret: of each there is the rule, the place, and a fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from release.errors import ConfigurationError
from release.gates.build.contents import matches
from release.model import Finding, Judgement

if TYPE_CHECKING:
    from release.gates.secrets.settings import SecretIgnore

# What the scanner's own rules leave out, because it holds without a provider's form: measured on
# real packages in tests/data/secrets/README.md. A rule's name begins like OWN.
OWN = "nox-release."
OWN_RULES = r"""
rules:
  - name: A secret that is assigned to a name
    id: nox-release.assigned-secret
    pattern: |
      (?xi)
      \b
      [\w.-]{0,40}
      (?:passw(?:or)?d|passphrase|secret|token|api_?key|access_?key|private_?key|auth_?key)
      (?:_?key)?
      ["']? \s* (?: = | := | : ) \s*
      ["'`]
      ( [A-Za-z0-9+/=_.~!@\#$%^&*()-]{16,200} )
      ["'`]
    min_entropy: 3.7
    confidence: medium
    pattern_requirements: &demands
      min_digits: 2
      ignore_if_contains:
        [example, dummy, changeme, placeholder, fake, sample, test, xxxx, "1234", abcd,
         md5$, sha1$, sha256$, sha512$, pbkdf2, bcrypt, argon2, scrypt, $2b$]
  - name: A secret that a file of environment variables sets
    id: nox-release.environment-secret
    pattern: |
      (?xm)
      ^ [\x20\t]* (?:export[\x20\t]+)?
      [A-Z][A-Z0-9_]{0,40}
      (?:PASSW(?:OR)?D|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH_?KEY)
      (?:_?KEY)?
      =
      ( [A-Za-z0-9+/=_.~!@\#%^&*-]{16,200} )
      [\x20\t\r]* $
    min_entropy: 3.7
    confidence: medium
    pattern_requirements: *demands
  - name: An access key of AWS
    id: nox-release.aws-access-key
    pattern: '\b(AKIA[A-Z2-7]{16})\b'
    min_entropy: 3
    confidence: medium
    pattern_requirements:
      ignore_if_contains: [EXAMPLE]
"""

# Comments by which scanners in use are told that a line holds no secret.
ALLOWED_HERE = re.compile(
    r"(?:kingfisher|betterleaks|gitleaks|trufflehog):\s?(?:allow|ignore)\b"
    r"|\bggignore\b|pragma: ?(?:allow|white)list[ -]secret",
    re.I,
)
ALLOWED_NEXT = re.compile(r"pragma: ?(?:allow|white)list[ -]nextline[ -]secret", re.I)
TEST_FOLDER = re.compile(r"(?:^|/)(?:tests?|testing)(?:[_-]\w+)?/", re.I)
SETTING = "[[tool.release.gates.secrets.ignore]]"
FINGERPRINT_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Secret:
    """A finding: its rule, its place, and what names it without showing it.

    `line` counts from 1, `last_line` is that of its end. `commit` is the full name of the commit
    that holds it, None for a file of the tree.
    """

    rule: str
    path: str
    line: int
    last_line: int
    fingerprint: str
    commit: str | None = None

    def meets(self, other: Secret) -> bool:
        """Whether another one in the same file is on a line of this one."""
        return self.line <= other.last_line and other.line <= self.last_line


@dataclass(frozen=True, slots=True)
class Report:
    """What one run of the scanner says: how many contents it read, and what it found in them.

    `found` is how many findings it has, `secrets` are those in the folder that counts.
    """

    read: int
    found: int
    secrets: tuple[Secret, ...]


def covers(entry: SecretIgnore, secret: Secret) -> bool:
    """Whether an entry accepts a secret."""
    if entry.fingerprint is not None:
        return entry.fingerprint == secret.fingerprint
    return (entry.path is None or matches(secret.path, [entry.path])) and (
        entry.rule is None or entry.rule in {secret.rule, short_rule(secret.rule)}
    )


def fingerprint(rule: str, path: str, value: str) -> str:
    """What names a finding, whatever line it moves to: of its rule, its file and its value."""
    digest = hashlib.sha256()
    for part in (rule, path, value):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()[:FINGERPRINT_LENGTH]


def short_rule(rule: str) -> str:
    """A rule's name without that of its collection."""
    return rule.partition(".")[2] or rule


def read_report(text: str, prefix: str = "") -> Report:
    """Read kingfisher's JSON report of one target (`--format json`, version 2).

    `prefix` is the folder ("" or ending in "/") that counts; paths are given as seen from there.
    What a rule of the scanner's own finds is not found by one of ours as well.

    Raises ValueError, which never quotes the report, when it is damaged or says that not everything
    was scanned: kingfisher ends with 0 and no finding for a commit that it does not know.
    """
    try:
        data = json.loads(text)
        states = [entry["scan"]["status"] for entry in data["audit"]["repositories"]]
        summary = data["metadata"]["summary"]
        read, number = int(summary["blobs_scanned"]), int(summary["findings"])
        found = [_secret(item["rule"], item["finding"], prefix) for item in data["findings"]]
        values = [str(item["finding"]["snippet"]) for item in data["findings"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("its report is damaged") from None
    if states != ["completed"]:
        raise ValueError(f"its scan is not complete ({', '.join(map(str, states)) or 'none'})")
    if number != len(found):
        raise ValueError(f"its report names {len(found)} findings of {number}")
    pairs = [(s, value) for s, value in zip(found, values, strict=True) if s is not None]
    return Report(read, number, tuple(_once(pairs)))


def _once(pairs: Sequence[tuple[Secret, str]]) -> Iterator[Secret]:
    """Secrets with their values, but for those of our rules that the scanner's own find as well.

    Those are on the same lines, and one value holds the other.
    """
    theirs: dict[tuple[str, str | None], list[tuple[Secret, str]]] = defaultdict(list)
    for secret, value in pairs:
        if not secret.rule.startswith(OWN):
            theirs[secret.path, secret.commit].append((secret, value))
    for secret, value in pairs:
        others = theirs[secret.path, secret.commit] if secret.rule.startswith(OWN) else []
        if not any(secret.meets(one) and (v in value or value in v) for one, v in others):
            yield secret


def _secret(rule: Mapping[str, Any], finding: Mapping[str, Any], prefix: str) -> Secret | None:
    name, value, line = str(rule["id"]), str(finding["snippet"]), int(finding["line"])
    path = str(finding["path"]).removeprefix("./")
    if not path.startswith(prefix):
        return None
    path = path.removeprefix(prefix)
    commit = finding.get("git_metadata")
    return Secret(
        name,
        path,
        line,
        line + value.rstrip("\r\n").count("\n"),
        fingerprint(name, path, value),
        str(commit["commit"]["id"]) if commit else None,
    )


def in_message(secret: Secret, folder: str) -> Secret:
    """A secret in a file of `folder`, named like a commit, as one of that commit's message."""
    inside, _, commit = secret.path.rpartition("/")
    return replace(secret, path="", commit=commit) if inside == folder else secret


def merged(tree: Sequence[Secret], history: Sequence[Secret]) -> list[Secret]:
    """Every secret once: in the tree where it still is, else in the commit that holds it."""
    found: dict[tuple[str, str], Secret] = {}
    for secret in (*tree, *history):
        found.setdefault((secret.fingerprint, secret.path), secret)
    return list(found.values())


def is_allowed(secret: Secret, lines: Sequence[str]) -> bool:
    """Whether a comment beside the secret says that it is none; `lines` are its file's."""
    around = lines[secret.line - 1 : secret.last_line]
    before = lines[secret.line - 2] if 2 <= secret.line <= len(lines) + 1 else ""
    return any(map(ALLOWED_HERE.search, around)) or bool(ALLOWED_NEXT.search(before))


def read_baseline(text: str, path: str) -> tuple[SecretIgnore, ...]:
    """The entries of a baseline file: TOML, with a table `[[ignore]]` for each.

    Raises ConfigurationError with every problem at once; `path` is the file's, for messages.
    """
    from pydantic import ValidationError

    from release.gates.secrets.settings import SecretBaseline
    from release.text import toml

    data = toml.read(text.removeprefix("\ufeff"), path)
    heads = (n for n, s in enumerate(text.split("\n"), 1) if re.match(r"\s*\[\[\s*ignore\b", s))
    starts = dict(enumerate(heads))  # of none that stands in an array
    problems = []
    try:
        return SecretBaseline.model_validate(data).ignore
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            where, said = fault["loc"], fault["msg"].removeprefix("Value error, ")
            line = starts.get(int(where[1])) if where[0] == "ignore" and where[1:] else None
            said = f"{'.'.join(map(str, where))}: {said}"
            problems.append(Finding(said, path, line, "its entries are [[ignore]] tables; fix it"))
    raise ConfigurationError(*problems)


def is_key_of_tests(secret: Secret) -> bool:
    """Whether it is a private key in a folder of tests."""
    return short_rule(secret.rule) == "private-key" and bool(TEST_FOLDER.search(secret.path))


def is_example(secret: Secret) -> bool:
    """Whether it is a token in a document, which explains tokens by one that has expired."""
    return short_rule(secret.rule) == "jwt" and secret.path.lower().endswith((".md", ".rst"))


def judge(
    secrets: Iterable[Secret],
    accepted: Sequence[SecretIgnore],
    allowed: Iterable[Secret],
    scope: str,
    published: Iterable[Secret] = (),
    release: str = "",
) -> tuple[Judgement, str]:
    """The judgement, and what the summary says besides.

    `allowed` are those of `secrets` that a comment in place accepts, `scope` says what was scanned.
    `published` are those that the last release, the tag `release`, has as well.
    """
    allowed, published = set(allowed), set(published)
    known: list[Finding] = []
    examples: list[Finding] = []
    defects: list[Finding] = []
    notes: list[Finding] = []
    used: set[SecretIgnore] = set()
    number = 0
    for secret in secrets:
        covering = [entry for entry in accepted if covers(entry, secret)]
        if covering:
            used.update(covering)
            number += 1
        elif secret in allowed:
            notes.append(
                Finding(f"{short_rule(secret.rule)}: a comment allows it", secret.path, secret.line)
            )
        elif secret in published:
            found = _defect(secret)
            known.append(replace(found, message=f"{found.message}, published with {release}"))
        else:
            (examples if is_example(secret) else defects).append(_defect(secret))
    noted = [f"{number} accepted"] if number else []
    noted += [f"{len(notes)} allowed in place"] if notes else []
    noted += [f"{len(known)} known since {release}"] if known else []
    known += [
        Finding(f"nothing is accepted any more by {_keys(entry)}", remedy="take the entry out")
        for entry in dict.fromkeys(accepted)
        if entry not in used
    ]
    said = f"; {', '.join(noted)}" if noted else ""
    return Judgement(0, tuple(defects), (*examples, *known), notes=tuple(notes)), f"{scope}{said}"


def _keys(entry: SecretIgnore) -> str:
    named = entry.model_dump(exclude={"reason"}, exclude_none=True)
    return ", ".join(f"{name} {value}" for name, value in named.items())


def _defect(secret: Secret) -> Finding:
    where = f" in commit {secret.commit[:12]}" if secret.commit else ""
    where = where if secret.path else where.replace("in", "in the message of", 1)
    what = f"a secret{where} by the rule {short_rule(secret.rule)} ({secret.fingerprint})"
    folder = secret.path.rpartition("/")[0]
    if is_key_of_tests(secret):
        what_is = f'path = "{folder}/*", rule = "private-key"'
    else:
        what_is = f'fingerprint = "{secret.fingerprint}"'
    accept = f"if it is of no use to anybody, accept it in {SETTING} with {what_is} and a reason"
    done = "revoke it, for its commit gets pushed" if secret.commit else "revoke it and take it out"
    return Finding(what, secret.path or None, secret.line, f"{done}; {accept}")
