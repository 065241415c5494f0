"""Makes the object of an annotated tag without its ref, and pushes branch and tag together."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from release.change.lock import run_git
from release.change.switch import environment, unwritable
from release.errors import CannotCheck, ReleaseError
from release.model import NewTag
from release.project.git import CALM, directories, git
from release.text.masking import Mask
from release.world.remote import RemoteRefs, ask

# Both or neither, and nothing that the user's configuration would add; a submodule's commit that
# nobody else can get is an error.
EXACTLY = ("--atomic", "--no-follow-tags", "--recurse-submodules=check")


def make_tag(top: Path, tag: NewTag, commit: str) -> str:
    """Make the object of an annotated (or signed) tag of `commit`; returns its name.

    git makes tag objects only together with their ref, so it makes this one in a scratch repository
    that keeps its objects in the user's and reads the user's configuration. Raises ReleaseError
    when git will not, as when there is no key to sign with.
    """
    directory, common = directories(top)
    try:
        scratch = Path(tempfile.mkdtemp(prefix="nox-release-tag-", dir=common))
    except OSError as error:
        raise unwritable("no tag can be made", error) from None
    try:
        _git(scratch, "init", "--quiet", "--bare", ".")
        config = scratch / "config"
        own = [common / "config", directory / "config.worktree"]
        includes = "".join(f"[include]\n\tpath = {quoted(file)}\n" for file in own)
        # What stands later wins: the scratch repository's own shape.
        config.write_text(includes + config.read_text(encoding="utf-8"), encoding="utf-8")
        message = scratch / "message"
        message.write_text(tag.message + "\n", encoding="utf-8", newline="\n")
        sign = {None: ("--annotate",), True: ("--sign",), False: ("--annotate", "--no-sign")}
        done = _git(
            scratch,
            *("-c", "core.worktree=", "tag", *sign[tag.sign], "--cleanup=verbatim"),
            *("-F", str(message), "--", tag.name, commit),
            objects=common / "objects",
        )
        if done.returncode != 0:
            said = done.stderr.strip().split("\n")[-1]
            raise ReleaseError.of(
                f"git tag: {said}", remedy="nothing was changed; fix that and run this again"
            )
        ref = f"refs/tags/{tag.name}"
        made = _git(scratch, "cat-file", "tag", ref, objects=common / "objects").stdout
        wanted = _git(scratch, "config", "--type=bool", "--get", "tag.gpgSign").stdout.strip()
        signs = wanted == "true" if tag.sign is None else tag.sign
        # git ends well without a signature where an SSH key cannot be read (seen in 2.39).
        if signs and "\n-----BEGIN " not in made:
            raise ReleaseError.of(
                f"git tag: not signed: {done.stderr.strip() or 'no reason given'}",
                remedy="nothing was changed; fix the key (git config user.signingKey) and run"
                " this again",
            )
        return _git(scratch, "rev-parse", ref, objects=common / "objects").stdout.strip()
    except OSError as error:
        raise unwritable("no tag can be made", error) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def drop_leftovers(common: Path) -> None:
    """Remove the scratch repositories of killed runs; call it with the lock held."""
    for left in common.glob("nox-release-tag-*"):
        shutil.rmtree(left, ignore_errors=True)


def _git(
    scratch: Path, *arguments: str, objects: Path | None = None
) -> subprocess.CompletedProcess[str]:
    env = {"GIT_DIR": str(scratch)}
    if objects is not None:
        env["GIT_OBJECT_DIRECTORY"] = str(objects)
    # Whoever signs may have to type a passphrase first.
    return git(scratch, *arguments, check=False, timeout=None, env=env)


def quoted(path: Path) -> str:
    """A path as a value in a file of git's configuration."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


@dataclass(frozen=True, slots=True)
class Pushed:
    """How a push ended: `done` if the remote has all refs, `arrived` are those that it has.

    `moved` says that it had moved on, to something else than what was pushed.
    """

    done: bool
    moved: bool = False
    why: str = ""
    arrived: tuple[str, ...] = ()


def push(top: Path, remote: str, refs: Sequence[tuple[str, str]], before: RemoteRefs) -> Pushed:
    """Push refs (full name, object) together or not at all, then look at what the remote has.

    `before` is what it had when the release was prepared: another value now means that it moved.

    The remote's own answer decides, not the exit status: a connection may break after the server
    has accepted. Raises CannotCheck when the push failed and the remote cannot be asked any more.
    """
    command = ["-C", str(top), "push", *EXACTLY, "--porcelain", "--", remote]
    command += [f"{found}:{name}" for name, found in refs]
    env = environment()
    if os.isatty(0):
        env.pop("GIT_TERMINAL_PROMPT", None)
    done = run_git(directories(top)[1], command, [f"refs/remotes/{remote}"], env)
    if done.returncode == 0:
        return Pushed(True)
    said = f"{done.stdout}\n{done.stderr}"
    try:
        there = ask(top, remote)
    except CannotCheck:
        raise CannotCheck(
            f"the push to {remote} broke off: {_last(done.stderr)}",
            "run this again when it can be reached: it looks at what arrived, and goes on",
        ) from None
    if all(there.refs.get(name) == found for name, found in refs):
        return Pushed(True)
    moved = any(there.refs.get(name) not in {before.refs.get(name), found} for name, found in refs)
    arrived = tuple(name for name, found in refs if there.refs.get(name) == found)
    arrived = tuple(name for name in arrived if before.refs.get(name) != there.refs.get(name))
    return Pushed(False, moved, _refusal(said), arrived)


def fetch(top: Path, remote: str, ref: str, *options: str) -> None:
    """Fetch a ref of a remote. Raises CannotCheck when that fails."""
    command = ["-C", str(top), *CALM, "fetch", "--quiet", "--no-tags", *options, "--", remote, ref]
    places = ["refs/tags", f"refs/remotes/{remote}"]
    done = run_git(directories(top)[1], command, places, environment())
    if done.returncode != 0:
        raise CannotCheck(f"git fetch: {_last(done.stderr)}", f"see what `git fetch {remote}` says")


def _refusal(said: str) -> str:
    """Why a push was refused: in the server's words, git's, or those of the user's own hook."""
    lines = [line.strip() for line in said.split("\n") if line.strip()]
    server = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    refs = [line.split("\t")[-1] for line in lines if line.startswith("!\t")]
    refs = [line for line in refs if "atomic push fail" not in line]
    fatal = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
    failed = [n for n, line in enumerate(lines) if line.startswith("error: failed to push")]
    hook = [line for line in lines[: failed[0] if failed else 0] if not line.startswith("To ")]
    unpushed = [n for n, line in enumerate(lines) if line.startswith("The following submodule")]
    submodules = lines[unpushed[0] :] if unpushed else []
    for words in (submodules, [line for line in server if line], refs, fatal, hook, lines):
        if words:
            return Mask()(" ".join(words[:3]))
    return "no reason given"


def _last(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return Mask()(lines[0]) if lines else "no reason given"
