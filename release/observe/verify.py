"""What the world serves is what was built: a release, looked at from its users' side.

"Not there yet" is told apart from "wrong": an index, a forge and an archive show what they took a
little later, and never show other bytes by themselves.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from release.errors import CannotCheck, attempt
from release.model import Finding, Gate, Judgement, Outcome
from release.observe import attestations, receipt
from release.observe.attestations import Identity, provenances, verified
from release.observe.expected import Expected
from release.observe.installing import install
from release.observe.status import archive_state, forge_state, image_state
from release.run.shell import Shell
from release.run.store import sha256_of
from release.text.versions import parse
from release.world.archive import doi_of
from release.world.distributions import download
from release.world.forge import Forge, find_token
from release.world.index import ServedFile, index_url, release_files, served_files
from release.world.registry import labels_of
from release.world.standing import BAD, GOOD, Archive, Image, Look, State

TOOLS = Gate(
    name="verify",
    title="looks at what was published",
    check=lambda _project, _shell: Outcome.not_applicable("an action is not a gate"),
    tools=("pypi-attestations",),
)
POLL_SECONDS = 15.0
WAIT_REMEDY = "wait a few minutes, or run it with --wait MINUTES"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that was looked at, and the verdict on it."""

    title: str
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of it, part by part, for a version of a project; `files` are those served."""

    expected: Expected
    parts: tuple[Part, ...]
    files: tuple[ServedFile, ...]

    def outcome(self) -> Outcome:
        """The verdict on all of it."""
        judged = sum((part.judgement for part in self.parts), Judgement())
        name, version = self.expected.name, self.expected.version
        return judged.settle(f"{name} {version} is what was released")


def named(name: str, version: str | None, index: str | None, repository: str | None) -> Expected:
    """What is expected of any project of an index: that what it serves fits together.

    The newest final version unless given. `repository` is OWNER/NAME on GitHub, or a page's
    address. Raises CannotCheck where the index cannot be asked or has no such project.
    """
    url = index_url(index)
    page = None
    if repository is not None:
        page = repository if "://" in repository else f"https://github.com/{repository}"
    found = version or _newest(name, url)
    who = Identity(repository=page)
    return Expected(name, found, url, identity=who, promised=page is not None)


def _newest(name: str, url: str) -> str:
    files = served_files(name, url)
    if files is None:
        raise CannotCheck(f"the index has no project {name}", "look at its name")
    known = {parse(file.version) for file in files if not file.yanked}
    final = [version for version in known if version is not None and not version.is_prerelease]
    if not final:
        raise CannotCheck(f"the index has no final version of {name}", "name one")
    return str(max(final))


def await_release(
    expected: Expected, minutes: float, wait: Callable[[float], None], say: Say
) -> None:
    """Let time pass until the index serves every file that is expected, with what it promises.

    At most `minutes`; says after each look what is still missing. What cannot be looked at is not
    waited for.
    """
    until = time.monotonic() + 60 * minutes
    while True:
        try:
            missing = lacking(expected)
        except CannotCheck as error:
            missing = error.reason
        left = until - time.monotonic()
        if not missing or left <= 0:
            return
        say(f"waiting: {missing} (at most {left / 60:.0f} min more)")
        wait(min(POLL_SECONDS, max(left, 0.1)))


def lacking(expected: Expected) -> str:
    """What the index does not serve yet, in words; empty when nothing is missing.

    Raises CannotCheck where it cannot be asked.
    """
    files = release_files(expected.name, expected.version, expected.index)
    there = {file.name for file in files}
    missing = sorted((expected.digests or {}).keys() - there)
    if not files or missing:
        return f"{expected.name} {expected.version} is not on the index yet" + (
            f": {', '.join(missing)}" if files else ""
        )
    if expected.promised:
        found = provenances(expected.name, expected.version, files, expected.index)
        bare = sorted(there - found.keys())
        return f"no attestation yet of {', '.join(bare)}" if bare else ""
    return ""


def verify(
    shell: Shell,
    expected: Expected,
    *,
    python: str | None = None,
    rehearsed: bool = False,
    say: Say = lambda _line: None,
) -> Verified:
    """Look at everything, whatever comes of one part.

    A `rehearsed` release lies on an index that has nothing else.
    """
    look = _Look(shell, expected, python, say, rehearsed)
    files: tuple[ServedFile, ...] = ()
    digests: Mapping[str, str] = {}
    parts = []
    try:
        say("asking the index")
        files = release_files(expected.name, expected.version, expected.index)
        digests = look.digests(files)
        parts.append(Part("files", judge_files(expected, files, digests)))
    except CannotCheck as error:
        parts.append(Part("files", Judgement(unchecked=error.problems)))
    if files and parts[0].judgement.checked:
        parts.append(look.part("attestations", lambda: look.attested(files, digests)))
        parts.append(look.part("installation", lambda: look.installed(digests)))
    kept = shell.folder / receipt.NAME
    if expected.tag and files and kept.is_file():
        parts.append(look.part("receipt", lambda: receipt.judge_kept(kept, expected, digests)))
    if expected.repository is not None:
        parts.append(look.part("forge release", lambda: look.on_the_forge(files, digests)))
    if expected.image is not None:
        parts.append(look.part("image", look.imaged))
    if expected.archive and expected.repository is not None:
        parts.append(look.part("archive", look.archived))
    return Verified(expected, tuple(parts), files)


@dataclass(frozen=True, slots=True)
class _Look:
    shell: Shell
    expected: Expected
    python: str | None
    say: Say
    rehearsed: bool

    def part(self, title: str, judge: Callable[[], Judgement]) -> Part:
        self.say(f"looking at the {title}")
        return Part(title, attempt(judge))

    def digests(self, files: Sequence[ServedFile]) -> Mapping[str, str]:
        """The digests of what is served: of the bytes themselves where there is something to
        compare them with or the index tells none, else as the index tells.
        """
        found = {}
        for file in files:
            if file.sha256 is not None and self.expected.digests is None:
                found[file.name] = file.sha256.lower()
                continue
            self.say(f"downloading {file.name}")
            index, work = self.expected.index, self.shell.work
            path = download(file, index, work, lambda: self.shell.remaining)
            found[file.name] = sha256_of(path)
        return found

    def attested(self, files: Sequence[ServedFile], digests: Mapping[str, str]) -> Judgement:
        wanted = self.expected
        said = provenances(wanted.name, wanted.version, files, wanted.index)
        seen = verified(self.shell, said, digests)
        judged = attestations.judge(
            [file.name for file in files],
            seen,
            wanted.identity,
            promised=wanted.promised,
            own=bool(wanted.tag),
        )
        return judged + Judgement(notes=tuple(attested_notes(seen, said)))

    def installed(self, digests: Mapping[str, str]) -> Judgement:
        wanted = self.expected
        index = wanted.index if wanted.index != index_url(None) else None
        return install(
            self.shell,
            wanted.name,
            wanted.version,
            digests,
            index,
            self.python or sys.executable,
            wanted.modules,
            rehearsed=self.rehearsed,
        )

    def on_the_forge(self, files: Sequence[ServedFile], digests: Mapping[str, str]) -> Judgement:
        repository = self.expected.repository
        assert repository is not None
        forge = Forge(repository, find_token(repository), lambda: self.shell.remaining)
        release = forge.release(self.expected.tag)
        found = judge_look(forge_state(release, files), self.expected.version)
        if release is None or release.draft:
            return found
        asset = next((asset for asset in release.assets if asset.name == receipt.NAME), None)
        if asset is None:
            return found + receipt.missing(self.expected)
        return found + attempt(lambda: receipt.judge(forge.text_of(asset), self.expected, digests))

    def imaged(self) -> Judgement:
        wanted = self.expected
        image = str(wanted.image)
        return judge_look(image_state(image, labels_of(image), wanted.commit), wanted.version)

    def archived(self) -> Judgement:
        repository, tag = self.expected.repository, self.expected.tag
        assert repository is not None
        found = archive_state(doi_of(repository.page, tag), tag)
        return judge_look(found, self.expected.version)


def _not_yet(message: str) -> Judgement:
    return Judgement(unchecked=(Finding(f"not there yet: {message}", remedy=WAIT_REMEDY),))


def judge_look(look: Look[State], version: str) -> Judgement:
    """The verdict on what `status` sees of a version: the forge's release, image and archive."""
    if look.state in {Image.NONE, Archive.NONE}:
        return _not_yet(look.said)
    if look.state.mark == GOOD:
        return Judgement(1, notes=(Finding(look.said),))
    finding = Finding(look.said, remedy=f"nox -s status -- {version} says what to do")
    return Judgement.one(finding, advice=look.state.mark != BAD)


def attested_notes(seen: attestations.Seen, said: Mapping[str, object]) -> list[Finding]:
    """What there is to say about attestations that verify."""
    found = [one for items in seen.files.values() for one in items if not one.error]
    notes = [Finding(f"published by {by}") for by in dict.fromkeys(one.by for one in found)]
    if found and not seen.renewed:
        notes.append(Finding("verified with the trusted root that this machine keeps"))
    if not said:
        notes.append(Finding("the index serves none, so it does not tell who published the files"))
    return notes


def judge_files(
    expected: Expected, files: Sequence[ServedFile], digests: Mapping[str, str]
) -> Judgement:
    """The verdict on the files of a version that an index serves; `digests` are theirs."""
    name, version = expected.name, expected.version
    if not files and not expected.tag:
        remedy = "name a version that it has; if it was published minutes ago, wait"
        return Judgement(unchecked=(Finding(f"the index has no {name} {version}", remedy=remedy),))
    if not files:
        return _not_yet(f"the index serves no file of {name} {version}")
    total = Judgement(len(files))
    built = expected.digests
    if built is None:
        why = "no evidence of that here" if expected.tag else "only its project knows that"
        note = f"{len(files)} on the index; not compared with what was built: {why}"
        total += Judgement(notes=(Finding(note),))
    else:
        total += _compared(expected, built, digests)
    yanked = [file.name for file in files if file.yanked]
    if yanked:
        finding = Finding(
            f"{name} {version} is yanked ({len(yanked)} of {len(files)} files)",
            remedy="installers pass it over unless it is pinned; use a later version",
        )
        total += Judgement(advice=(finding,))
    return total


def _compared(
    expected: Expected, built: Mapping[str, str], digests: Mapping[str, str]
) -> Judgement:
    total = Judgement()
    other = [name for name in built if name in digests and digests[name] != built[name]]
    if other:
        said = f"the index serves other bytes than were built: {', '.join(other)}"
        remedy = f"yank {expected.version}, find out who uploaded it, and release the next version"
        total += Judgement(defects=(Finding(said, remedy=remedy),))
    strange = sorted(digests.keys() - built.keys())
    if strange:
        said = f"the index serves what build did not make: {', '.join(strange)}"
        remedy = "if no other machine built it, yank the version, and find out who uploaded it"
        total += Judgement(defects=(Finding(said, remedy=remedy),))
    missing = sorted(built.keys() - digests.keys())
    if missing:
        total += _not_yet(f"the index does not serve {', '.join(missing)}")
    elif not other:
        note = f"every byte is the same as in {expected.source}"
        total += Judgement(notes=(Finding(note),))
    return total
