"""Where a project stands before it is released: by its files, repository, remote and index.

Everything that an action decides by is looked at afresh here, and what stands against a release is
said before anything changes.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from packaging.version import Version

from release.change.statements import reads
from release.change.steps import target_version
from release.errors import CannotCheck, ReleaseError, UsageError
from release.gates import tree
from release.gates.versions import unread_tags
from release.model import Status
from release.project import Project, read_text
from release.project.fragments import fragments
from release.project.git import GitFacts, contains, git, object_of
from release.project.version_source import judge_source
from release.run.processes import Completed
from release.text.changelog import entry
from release.text.edits import plain
from release.text.sections import read
from release.text.versions import level_of, parse, released
from release.world.remote import RemoteRefs, ask

ABANDON = "nox -s cut -- --abandon"
# How many commits back a release that was never tagged is looked for.
RECENT = 200


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed after `bump --`, `tag --` or `cut --`.

    `step` is patch, minor, major, rc, final or a version (None where none is needed), `subject` and
    `notes` are texts, `push` is whether the branch of a pull request is pushed, `tag` whether the
    release is tagged as well, as `cut` does.
    """

    step: str | None = None
    subject: str | None = None
    notes: str | None = None
    push: bool = False
    tag: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """A project whose repository and remote were looked at, and may be released from.

    `branch` is the release branch, `tags` are the release tags here and on the remote with what
    they spell, `before` the versions of those in this commit's history, `bumped_from` the version
    that the files said before a release that was committed and never tagged, `unasked` says why
    the index could not be asked, where it could not.
    """

    project: Project
    facts: GitFacts
    commit: str
    branch: str
    remote: str | None
    asked: RemoteRefs
    tags: Mapping[str, Version]
    before: Mapping[str, Version]
    bumped_from: Version | None
    published: frozenset[Version]
    unasked: CannotCheck | None

    @property
    def known(self) -> Version | None:
        """The version that the files say, or the last tag where version control defines it."""
        return parse(self.project.version or "") or max(self.before.values(), default=None)

    @property
    def current(self) -> Version:
        """As `known`, and 0 for a project that was never released and states no version."""
        return self.known or Version("0")

    @property
    def previous_tag(self) -> str | None:
        """The tag of the last release in this commit's history."""
        return max(self.before, key=lambda tag: self.before[tag], default=None)

    def names_here(self, version: Version) -> str | None:
        """The tag of a version, here or on the remote, that is on this very commit."""
        for tag, found in self.tags.items():
            if found == version and self.commit in {commit_of(self, tag), self.asked.tag(tag)}:
                return tag
        return None


def look(project: Project) -> Situation:
    """Look at the repository, its remote and the index, afresh.

    Raises ReleaseError when the remote cannot be asked or there is nothing to release from.
    """
    facts = project.git
    if facts is None or facts.commit is None:
        raise ReleaseError.of(
            "not in a git repository with a commit",
            remedy="git init && git add --all && git commit",
        )
    if unread := unread_tags(project):
        raise ReleaseError(unread)
    remote = project.settings.remote if project.settings.remote in facts.remotes else None
    asked = ask(facts.remote_base, remote) if remote else RemoteRefs({}, None)
    names = dict.fromkeys([*project.released, *asked.tags])
    tags = released(names, project.tag_template)
    merged = git(project.root, "tag", "--merged", facts.commit).stdout.split()
    known = {tag: tags[tag] for tag in merged if tag in tags}
    published: set[Version] = set()
    unasked = None
    if project.settings.publish:
        from release.world.index import index_url, served_files

        try:
            files = served_files(project.name, index_url(project.settings.index)) or ()
            published = {found for file in files if (found := parse(file.version)) is not None}
        except CannotCheck as error:
            unasked = error
    return Situation(
        project,
        facts,
        facts.commit,
        tree.release_branch(project, asked),
        remote,
        asked,
        tags,
        known,
        None if known else _bumped_from(project, facts.commit),
        frozenset(published),
        unasked,
    )


def wanted_version(situation: Situation, request: Request) -> Version:
    if request.step is None:
        raise UsageError.of(
            "no kind of release is given", remedy="give patch, minor, major, rc or final"
        )
    named = parse(request.step)
    unknown = situation.known is None and not situation.tags and not situation.published
    if unknown and named is not None and not named.local:
        return named  # a first release skips nothing
    before = {situation.bumped_from} if situation.bumped_from is not None else set()
    return target_version(
        request.step,
        situation.current,
        situation.tags,
        set(situation.before.values()) or before,
        situation.published,
    )


def stands_in_files(situation: Situation, version: Version) -> bool:
    """Whether the files say the version already, the changelog included."""
    project = situation.project
    if project.version is not None and version != situation.current:
        return False
    collected = fragments(project)
    path = collected.changelog if collected is not None else project.changelog
    if path is None or not (project.root / path).is_file():
        return project.version is not None or made_here(situation, version)
    if entry(read_text(project.root, path), path, version) is not None:
        return True
    return collected is not None and not collected.there(project.root)


def judge_editable(situation: Situation) -> None:
    """Raise ReleaseError where the version comes from something that is not read here."""
    problem = judge_source(situation.project.version, situation.project.version_source)
    if problem is not None:
        raise ReleaseError(problem)


def finished_already(situation: Situation, request: Request) -> Version | None:
    """The version of this very commit's tag, if it is the release that was asked for.

    A commit is released once: a second `cut` of the same kind goes on with the first.
    """
    newest = max((v for tag, v in situation.tags.items() if situation.names_here(v)), default=None)
    if newest is None or (situation.project.version and parse(situation.project.version) != newest):
        return None
    if request.step and parse(request.step) == newest:
        return newest
    before = _before(situation, newest)
    if before is None:
        return None
    step = str(level_of(before, newest))
    finished = before.is_prerelease and not newest.is_prerelease
    return newest if request.step == step or (request.step == "final" and finished) else None


def _before(situation: Situation, newest: Version) -> Version | None:
    """The version that this very commit, or its tag, stepped up from."""
    older = [version for version in situation.before.values() if version < newest]
    if older:
        return max(older)
    if situation.project.version is None:
        return Version("0")
    if not made_here(situation, newest):
        return None
    return _bumped_from(situation.project, situation.commit)


def made_here(situation: Situation, version: Version, commit: str = "HEAD") -> bool:
    """Whether a commit's first line is the one that a release of the version has."""
    project = situation.project
    said = git(project.root, "log", "-1", "--format=%s", commit, "--")
    subject = _release_subject(project, project.spell(version))
    return subject.fullmatch(said.stdout.strip()) is not None


def _release_subject(project: Project, version: str) -> re.Pattern[str]:
    """What the first line of a release's commit looks like."""
    values = {"version": re.escape(version), "name": re.escape(project.name)}
    parts = re.split(r"\{(\w+)\}", project.settings.commit.message)
    return re.compile(
        "".join(
            values.get(part, ".*") if number % 2 else re.escape(part)
            for number, part in enumerate(parts)
        )
    )


def _bumped_from(project: Project, commit: str) -> Version | None:
    """The version before the last commit that released the current one, if there is such a commit.

    In a repository without tags nothing else tells a version that waits for its tag.
    """
    if project.version is None or not project.version_places:
        return None
    subject = _release_subject(project, project.version)
    out = git(
        project.root,
        *("log", f"--max-count={RECENT}", "--format=%H %s", commit),
    ).stdout
    found = next(
        (
            line.partition(" ")[0]
            for line in out.split("\n")
            if subject.fullmatch(line.partition(" ")[2])
        ),
        None,
    )
    if found is None:
        return None
    place = project.version_places[0]
    before = git(project.root, "cat-file", "blob", f"{found}^:./{place.path}", check=False)
    old = reads(plain(before.stdout), place) if before.returncode == 0 else None
    return parse(old) if old and old != project.version else None


def version_to_tag(situation: Situation, request: Request) -> Version:
    """The version that this commit is to be tagged with."""
    project = situation.project
    if project.version is not None:
        version = parse(project.version)
        if version is None:
            raise ReleaseError.of(
                f"{project.version!r} is not a version by PEP 440", remedy="correct it"
            )
        wanted = parse(request.step or project.version)
        if wanted != version:
            raise UsageError.of(
                f"the files say {version}, not {request.step}",
                remedy=f"nox -s bump -- {request.step}, or tag without a version",
            )
        return version
    here = [version for version in situation.tags.values() if situation.names_here(version)]
    if request.step is None:
        if here:
            return max(here)
        found = _newest_in_changelog(situation)
        if found is None:
            raise UsageError.of(
                "the version is its tag, and nothing here says which one it is to be",
                remedy="nox -s tag -- VERSION",
            )
        return found
    if (named := parse(request.step)) in here and named is not None:
        return named
    return wanted_version(situation, request)


def _newest_in_changelog(situation: Situation) -> Version | None:
    """The version of the changelog's newest section, if it is not released."""
    project = situation.project
    if project.changelog is None:
        return None
    sections = read(read_text(project.root, project.changelog), project.changelog).sections
    versions = [section.version for section in sections if section.version is not None]
    newest = max(versions, default=None)
    return None if newest is None or newest in situation.tags.values() else newest


def planned_branch(situation: Situation, version: Version) -> str:
    template = situation.project.settings.pull_request_branch
    return template.replace("{version}", str(version)) if template else situation.branch


def branch_there(situation: Situation, branch: str) -> str | None:
    """The commit of a branch that a run before this one made, here or on the remote.

    None for the one that releases are made from.
    """
    if branch == situation.branch:
        return None
    here = object_of(situation.project.root, f"refs/heads/{branch}")
    return here or situation.asked.branch(branch)


def judge_tree(
    situation: Situation, version: Version, run: Callable[..., Completed] | None = None
) -> None:
    """Raise ReleaseError with everything that the gate `tree` finds against a release."""
    project, facts = situation.project, situation.facts
    # What a pull request would make of the branch may be judged, and is not to be tagged.
    seen = replace(tree.read(project, facts, version, situation.asked), proposed=False)
    outcome = tree.judge(project, facts, seen, run or _run_quietly)
    unchecked = outcome.status is Status.UNCHECKED and situation.remote is not None
    if outcome.status is Status.FAILED or unchecked:
        raise ReleaseError(*outcome.blocking)


def _run_quietly(*command: str) -> Completed:
    """Run a command without a log, for a dry run."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotCheck(f"{command[0]} cannot be run: {error}", "install it") from None
    return Completed(tuple(command), done.returncode, done.stdout, done.stderr, 0.0, False)


def judge_unpushed(situation: Situation) -> None:
    """Raise ReleaseError for a last release, on this commit or below, that the remote lacks."""
    name = situation.previous_tag
    if situation.remote is None or name is None or situation.asked.tag(name) is not None:
        return
    here = name in situation.project.released_here
    if not here and is_published(situation, commit_of(situation, name) or ""):
        return
    if here:
        remedy = (
            f"finish that release first: nox -s tag pushes it; or take it back: {ABANDON}, or, of a"
            f" tag that was never meant, git tag --delete {name}"
        )
    else:
        remedy = (
            f"git branch later && git reset --keep {name}, and finish that release: nox -s tag"
            f" pushes it; then git merge --ff-only later. Of a tag that was never meant: git tag"
            f" --delete {name}"
        )
    where = "on this commit" if here else "below this commit"
    raise ReleaseError.of(
        f"{name} is {where}, and {situation.remote} does not have it", remedy=remedy
    )


def judge_level(situation: Situation, tag_name: str) -> None:
    """Raise ReleaseError where the remote moved on after this release was made and not pushed.

    What would help any other commit, to bring it up to date, would leave the tag behind.
    """
    remote, branch = situation.remote, situation.branch
    there = situation.asked.branch(branch)
    made = commit_of(situation, tag_name) == situation.commit
    if not made or remote is None or there is None or is_published(situation, situation.commit):
        return
    if contains(situation.project.root, situation.commit, there):
        return
    published = situation.asked.tag(tag_name) is not None
    if published:
        remedy = (
            f"the tag is published and stays; make it part of the branch: git pull --no-rebase"
            f" {remote} {branch} && git push {remote} {branch}"
        )
    else:
        remedy = (
            f"take it back: {ABANDON}; then git pull --ff-only {remote} {branch}, and release again"
        )
    raise ReleaseError.of(
        f"{remote}/{branch} moved on, and {tag_name} on this commit "
        + ("is not part of it" if published else "was never pushed"),
        remedy=remedy,
    )


def judge_free(situation: Situation, version: Version) -> None:
    """Raise ReleaseError when the index has the version, or cannot be asked."""
    if version in situation.published:
        raise ReleaseError.of(
            f"{version} is on the index already",
            remedy="release a higher version: an index never takes other files for this one",
        )
    if situation.unasked is not None:
        raise situation.unasked


def judge_unmoved(situation: Situation, tag_name: str) -> None:
    """Look at the remote immediately before refs move. Raises ReleaseError if it moved."""
    if situation.remote is None:
        return
    now = ask(situation.facts.remote_base, situation.remote)
    branch = situation.branch
    what = ""
    if now.branch(branch) != situation.asked.branch(branch):
        what = f"{situation.remote}/{branch} moved on meanwhile"
    elif now.tag_object(tag_name) is not None:
        what = f"{situation.remote} got a tag {tag_name} meanwhile"
    if what:
        raise ReleaseError.of(
            what,
            remedy=f"nothing was changed; git pull --ff-only {situation.remote} {branch}, and"
            " run this again",
        )


def is_published(situation: Situation, commit: str) -> bool:
    """Whether the remote's release branch holds a commit, as far as it is known here."""
    there = situation.asked.branch(situation.branch)
    return there is not None and contains(situation.project.root, there, commit)


def commit_of(situation: Situation, name: str) -> str | None:
    return object_of(situation.project.root, f"refs/tags/{name}^{{commit}}") or None
