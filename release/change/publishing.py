"""Uploads the files that `build` made and judged to a package index, with twine.

What is there already with the same bytes stays, other bytes are a stop, and nothing else than those
files is ever uploaded. Credentials are twine's own business: its variables, a keyring, or a trusted
publisher's token where the CI offers one (twine asks for it by itself).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from release.errors import CannotCheck, ReleaseError, UsageError
from release.model import Artifact, Evidence, Finding, Gate, Outcome, Status
from release.run.runner import Run, open_shell
from release.run.shell import Shell
from release.run.store import holds_artifacts, sha256_of
from release.text.versions import parse
from release.world.distributions import download
from release.world.index import ServedFile, index_url, release_files

TOOLS = Gate(
    name="publish",
    title="uploads the files that build made",
    check=lambda _project, _shell: Outcome.not_applicable("an action is not a gate"),
    tools=("twine",),
)
BUILD_AGAIN = "nox -s build"
ATTESTATIONS = (".publish.attestation", ".slsa.attestation")
# After which the same bytes may be sent once more: the index takes them once, or says so.
PASSING = re.compile(
    r"\b(?:429|500|502|503|504)\b|timed? ?out|connection (?:reset|refused|aborted|error)"
    r"|remote ?disconnected|temporarily|max retries",
    re.I,
)
# What PyPI and others say of a name that was used before.
TAKEN = re.compile(r"already (?:been used|exists)|previously been used|cannot be re-?used", re.I)
STATUS = re.compile(r"HTTPError: (\d{3})\b")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LABEL = re.compile(r"^(?:INFO|WARNING|ERROR)\s+")
ERROR = re.compile(r"\w+(?:Error|Exception|Distribution|Configuration|Failure|Interactive): ")
SHOWN = 300
# What is read here is not wrapped.
PLAIN = {"COLUMNS": "1000"}
WAITS = (2.0, 8.0)
LOCAL = frozenset(["127.0.0.1", "localhost", "::1"])


@dataclass(frozen=True, slots=True)
class Published:
    """What an upload came to: the version, and the names of files sent and there before."""

    version: str
    sent: tuple[str, ...]
    there: tuple[str, ...]


def publish(
    run: Run,
    upload: str,
    simple: str | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Published:
    """Upload to the index whose upload address is `upload`.

    `simple` is its simple interface, worked out unless given; `say` hears of each file. Raises
    ReleaseError, with nothing uploaded, for files that may not be, or an index that has others;
    CannotCheck for one that cannot be asked.
    """
    address = judge_address(upload)
    own = index_url(run.project.settings.index)
    page = simple or simple_of(address, own)
    if simple:
        _address(simple, "--simple")
    version, files = files_to_publish(run)
    if page == own:
        judge_tagged(run, version)
    with open_shell(run, TOOLS) as shell:
        there, missing = sorted_out(shell, run.project.name, version, page, files)
        for name in there:
            say(f"{name}: there already, with the same bytes")
        for number, artifact in enumerate(missing, 1):
            say(f"{artifact.name}: sending {artifact.size} bytes ({number} of {len(missing)})")
            _send(shell, run.project.name, version, address, page, artifact)
            say(f"{artifact.name}: taken")
    return Published(version, tuple(artifact.name for artifact in missing), there)


def judge_address(upload: str) -> str:
    """The upload address. Raises UsageError for one that is none, or would show a password."""
    parts = _address(upload, "--index")
    local = parts.hostname in LOCAL
    if parts.username is not None:
        problem = Finding(
            "the index's address holds credentials, which everybody on this machine can read",
            remedy="leave them out; set TWINE_USERNAME and TWINE_PASSWORD, or use a keyring",
        )
    elif parts.scheme == "http" and not local:
        problem = Finding(
            "the index's address is not https: the password would be read on its way there",
            remedy="give an address that begins with https://",
        )
    else:
        return upload
    raise UsageError(problem)


def _address(url: str, option: str) -> SplitResult:
    """An address in its parts. Raises UsageError, without repeating what may hold a password."""
    remedy = f"give {option} https://HOST/PATH"
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"https", "http"} and parts.hostname and parts.port != 0
    except ValueError:  # of brackets, or of a port
        valid = False
    if not valid:
        raise UsageError.of(f"what {option} says is not the address of an index", remedy=remedy)
    return parts


def simple_of(upload: str, own: str) -> str:
    """Where an index that takes uploads at `upload` serves its files; `own` is the configured one.

    That is the configured one where both are of one index: the same server, or one called `upload`
    below it. Else /simple/ on the same server, as warehouse and pypiserver have it.
    """
    there, known = urlsplit(upload), urlsplit(own).netloc.rpartition("@")[2]
    if there.netloc in {known, f"upload.{known}"}:
        return own
    return urlunsplit((there.scheme, there.netloc, "/simple/", "", ""))


def files_to_publish(run: Run) -> tuple[str, tuple[Artifact, ...]]:
    """The version and the distributions that `build` made of this very commit, by its evidence.

    Raises ReleaseError where there is none, where they are of another commit or tree, where they
    are gone or changed, and where anything else lies beside them.
    """
    evidence = run.store.load("build")
    if evidence is None or evidence.outcome.status is not Status.PASSED:
        raise ReleaseError.of(
            "there is no evidence that build made and judged files", remedy=BUILD_AGAIN
        )
    commit = run.project.git.commit if run.project.git else None
    if evidence.dirty or evidence.commit != commit:
        where = "changes that are not committed" if evidence.dirty else evidence.commit[:12]
        raise ReleaseError.of(
            f"what build made is of {where or 'another commit'}, not of {(commit or '')[:12]}",
            remedy=f"git switch to the commit of the tag, and {BUILD_AGAIN}",
        )
    files = tuple(a for a in evidence.outcome.artifacts if a.path.startswith("dist/"))
    if not files or not holds_artifacts(run.store.folder, evidence):
        raise ReleaseError.of(
            "the files in .release/dist are not what build made", remedy=BUILD_AGAIN
        )
    _judge_nothing_else(run.store.folder / "dist", evidence)
    return evidence.outcome.facts.get("version", ""), files


def _judge_nothing_else(dist: Path, evidence: Evidence) -> None:
    made = {artifact.name for artifact in evidence.outcome.artifacts}
    made |= {f"{name}{ending}" for name in made for ending in ATTESTATIONS}
    others = sorted(path.name for path in dist.iterdir() if path.name not in made)
    if others:
        raise ReleaseError.of(
            f"build did not make {', '.join(others[:5])}",
            ".release/dist",
            remedy="remove it; only what was built and judged is published",
        )


def judge_tagged(run: Run, version: str) -> None:
    """Raise ReleaseError where this commit has no tag of the version: no package without a tag."""
    if parse(version) not in run.project.released_here.values():
        raise ReleaseError.of(
            f"this commit is not tagged as {version}",
            remedy="nox -s tag, or git switch --detach to the commit that is",
        )


def sorted_out(
    shell: Shell, project: str, version: str, page: str, files: Sequence[Artifact]
) -> tuple[tuple[str, ...], tuple[Artifact, ...]]:
    """The names of the files that the index has already, and the files that it lacks.

    Raises ReleaseError for a file that it has with other bytes, CannotCheck where it cannot be
    asked.
    """
    served = {file.name: file for file in release_files(project, version, page)}
    other = [
        file.name
        for file in files
        if file.name in served and digest_of(shell, served[file.name], page) != file.sha256
    ]
    if other:
        raise ReleaseError.of(
            f"the index has other bytes under the name {', '.join(other)}",
            remedy="an index never takes other files for a version: release the next one, and"
            f" yank {version} unless its files are the right ones",
        )
    there = tuple(file.name for file in files if file.name in served)
    return there, tuple(file for file in files if file.name not in served)


def digest_of(shell: Shell, file: ServedFile, page: str) -> str:
    """The sha256 of a served file, downloaded where the index does not tell it."""
    if file.sha256 is not None:
        return file.sha256.lower()
    return sha256_of(download(file, page, shell.work, lambda: shell.remaining))


def _send(
    shell: Shell, project: str, version: str, address: str, page: str, artifact: Artifact
) -> None:
    """Upload one file; again after a failure that passes. Raises ReleaseError."""
    path = shell.folder / artifact.path
    signed = [p for e in ATTESTATIONS if (p := path.with_name(path.name + e)).is_file()]
    options = ["--attestations"] if signed else []
    twine = (shell.tools.python, "-m", "twine", "upload", "--non-interactive")
    # Only what is verbose has the index's own words; credentials are never among them.
    where = ("--verbose", "--disable-progress-bar", "--repository-url", address)
    files: list[str | Path] = [*options, path, *signed]
    for wait in (*WAITS, None):
        done = shell.run(*twine, *where, *files, env=PLAIN)
        if done.status == 0:
            return
        # Cut off after the last byte, it may be there all the same.
        with contextlib.suppress(CannotCheck):
            if sorted_out(shell, project, version, page, [artifact])[0]:
                return
        said = done.stdout + done.stderr
        if wait is None or not PASSING.search(said):
            raise _refused(artifact, said, done.last_line)
        shell.note(f"sending {artifact.name} again in {wait:g} s")
        shell.wait(wait)


def _refused(artifact: Artifact, said: str, last: str) -> ReleaseError:
    """What a failed upload means."""
    status = STATUS.search(said)
    remedy = "see .release/logs/publish.log, and run it again: what is there is not sent twice"
    if "Credential not found" in said or (status and status[1] in {"401", "403"}):
        remedy = (
            "set TWINE_USERNAME and TWINE_PASSWORD, or a keyring, for an index that takes"
            " passwords; by Trusted Publishing see what nox -s setup says"
        )
    elif TAKEN.search(said):
        remedy = (
            "an index never takes a name again, not even that of a file that was deleted: release"
            " the next version"
        )
    elif status and status[1] == "400":
        remedy = "nox -s parity says what an index refuses; its own words are above"
    return ReleaseError.of(f"{artifact.name} was not taken: {_words(said) or last}", remedy=remedy)


def _words(said: str) -> str:
    """What twine, or the index through it, says about a refusal."""
    lines = [LABEL.sub("", COLOUR.sub("", line)).strip() for line in said.splitlines()]
    answers = [n for n, line in enumerate(lines) if line.startswith("Response from ")]
    errors = [n for n, line in enumerate(lines) if ERROR.match(line)]
    if answers:
        end = next((n for n in errors if n > answers[-1]), len(lines))
        return " ".join(filter(None, lines[answers[-1] + 1 : end]))[:SHOWN]
    return " ".join(filter(None, lines[errors[0] :]))[:SHOWN] if errors else ""
