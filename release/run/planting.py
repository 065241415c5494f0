"""Defects to plant in a throwaway copy of a repository, and the hands that plant them."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.model import Evidence
from release.project import Project
from release.project.git import git as ask

if TYPE_CHECKING:
    from release.settings import GateSettings

PEOPLE = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
NOBODY = dict(zip(PEOPLE, ("nox-release", "nox-release@localhost") * 2, strict=True))
# Over what the user's own configuration says: the copies are ours, and are found by these names.
OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "safe.bareRepository=all",
    "clone.defaultRemoteName=origin",
)
MODULE = "planted_defect.py"
RAISES = 'raise RuntimeError("planted by nox-release")'
PLANTED = "planted by nox-release"
PLANTED_FUNCTION = "planted_defect"


class CannotPlant(Exception):
    """The project has nothing that this defect could be planted in; says why."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A throwaway copy to plant a defect in.

    `project` is the copy as it was read, `clean` the evidence of an unplanted copy, in whose
    `.release/` (`made`) lie the files that were built of it. `scratch` is a folder for what the
    copy needs beside it, `server` the address of a StandIn.
    """

    project: Project
    clean: Mapping[str, Evidence]
    made: Path
    scratch: Path
    server: str

    @property
    def root(self) -> Path:
        return self.project.root


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect: what it is, how it is planted, and what the gate must say of it.

    `plant` edits the copy; `says` is a regular expression that the path and message of a new
    finding must match, empty where any new finding will do. `control` plants something harmless in
    the same place: a finding that does not say what it is of counts only if a copy with that
    passes. `fallback` is for defects that are tried only where none before it can be planted, for
    they show less. `committed` says whether the edit is committed before the gate looks. `amend`
    changes what was read of the copy, for settings that lead to stand-ins of the outside.
    `stood_in` says that a stand-in answers for the outside, whatever there is.
    `surroundings` are environment variables that it must see, None for those that it must not; such
    a defect is judged alone.
    """

    name: str
    plant: Callable[[Copy], None]
    says: str = ""
    control: Callable[[Copy], None] | None = None
    fallback: bool = False
    committed: bool = True
    amend: Callable[[Copy, Project], Project] = lambda _copy, project: project
    stood_in: bool = False
    surroundings: Callable[[Copy], Mapping[str, str | None]] | None = None


def git(root: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run git in a copy, and return what it says. Raises CannotCheck when it fails."""
    options = [word for option in OPTIONS for word in ("-c", option)]
    own = {**NOBODY, "GIT_LFS_SKIP_SMUDGE": "1", **(env or {})}
    return ask(root, *options, *arguments, timeout=None, env=own).stdout.strip()


def commit(root: Path) -> None:
    """Commit everything in a copy, planted files also where the project ignores such names.

    The commit is like the last one, by the same people and with the same message: a gate that looks
    at those must not fail for them.
    """
    git(root, "add", "--all")
    listed = ("ls-files", "--others", "--ignored", "--exclude-standard", "-z")
    hidden = [name for name in git(root, *listed, "--", "*planted*").split("\0") if name]
    if hidden:
        git(root, "add", "--force", "--", *hidden)
    people = git(root, "log", "-1", "--format=%an%x00%ae%x00%cn%x00%ce").split("\0")
    env = {name: value for name, value in zip(PEOPLE, people, strict=True) if value}
    words = ("--quiet", "--no-verify", "--allow-empty", "--allow-empty-message")
    git(root, "commit", *words, "--reuse-message=HEAD", env=env)


def writable(copy: Copy, path: str) -> Path:
    """A file of the copy to write: a link may lead out of it, to what is nobody's copy."""
    target = copy.root / path
    if not target.resolve().is_relative_to(copy.project.top.resolve()):
        raise CannotPlant(f"{path} leads out of the repository")
    return target


def write(copy: Copy, path: str, text: str) -> None:
    """Write a file anew; bytes that were not UTF-8 when it was read are kept."""
    target = writable(copy, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode("utf-8", "surrogateescape"))


def read(copy: Copy, path: str) -> str:
    return (copy.root / path).read_bytes().decode("utf-8", "surrogateescape")


def append(copy: Copy, path: str, text: str) -> None:
    with writable(copy, path).open("ab") as file:
        file.write(f"\n{text}\n".encode())


def first_module(project: Project) -> str:
    """The package's own first module."""
    if project.package_path is None:
        raise CannotPlant("no import package was found")
    if project.package_path.endswith(".py"):
        return project.package_path
    path = f"{project.package_path}/__init__.py"
    if not (project.root / path).is_file():
        raise CannotPlant("the package is a namespace, without a module of its own")
    return path


def add_code(copy: Copy, code: str, imports: str = "") -> None:
    """Put code into a new module of the package, or at the end of a package that is one module."""
    path = copy.project.package_path
    if path is None:
        raise CannotPlant("no import package was found")
    text = f"{imports}\n\n\n{code}" if imports else f"\n{code}"
    if path.endswith(".py"):
        append(copy, path, f"\n{text.strip()}")
    else:
        write(copy, f"{path}/{MODULE}", f'"""Planted."""\n\n{text}')


def nothing(_copy: Copy) -> None:
    pass


def with_table(project: Project, gate: str, kind: type[GateSettings], **values: Any) -> Project:
    """The project with other values in one gate's table."""
    table = project.settings.gates.of(gate, kind).model_copy(update=values)
    gates = project.settings.gates.with_table(gate, table)
    return replace(project, settings=project.settings.model_copy(update={"gates": gates}))


def function_returning(result: str) -> str:
    """A function that nothing but its result is wrong with."""
    return f'def {PLANTED_FUNCTION}() -> int:\n    """Return a number."""\n    return {result}\n'


def harmless_function(copy: Copy) -> None:
    add_code(copy, function_returning("1"))


def broken_import(copy: Copy) -> None:
    append(copy, first_module(copy.project), RAISES)


def harmless_comment(copy: Copy) -> None:
    append(copy, first_module(copy.project), "\n# Planted.")


def private_key_text() -> str:
    # Made here, so that no secret, be it a false one, is ever part of this program.
    kind = " ".join(("RSA", "PRIVATE", "KEY"))
    body = base64.b64encode(secrets.token_bytes(24 * 48)).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n"


def add_metadata(copy: Copy, field: str, value: str) -> None:
    """Give the wheel that build made another field: how a project states it is its own affair."""

    def edit(name: str, content: bytes) -> tuple[str, bytes]:
        if not name.endswith(".dist-info/METADATA"):
            return name, content
        head, gap, body = content.decode("utf-8", "surrogateescape").partition("\n\n")
        if field == "Summary":
            head = re.sub(r"(?m)^Summary:.*\n(?:[ \t].*\n)*", "", f"{head}\n").rstrip("\n")
        text = f"{head}\n{field}: {value}{gap}{body}"
        return name, text.encode("utf-8", "surrogateescape")

    folder = copy.root / copy.made.name
    rewrite_wheel(folder / built_wheel(copy), folder / built_wheel(copy), edit)


def built_wheel(copy: Copy) -> str:
    """The path below `.release/` of a wheel that build made of the clean copy."""
    artifacts = copy.clean["build"].outcome.artifacts if "build" in copy.clean else ()
    wheels = [artifact.path for artifact in artifacts if artifact.name.endswith(".whl")]
    if not wheels:
        raise CannotPlant("build made no wheel")
    return wheels[0]


def rewrite_wheel(
    source: Path, target: Path, edit: Callable[[str, bytes], tuple[str, bytes]]
) -> None:
    """Write a wheel's files as `edit` gives them back (name and content), with their RECORD."""
    files: list[tuple[zipfile.ZipInfo, bytes]] = []
    rows = []
    with zipfile.ZipFile(source) as archive:
        for info in archive.infolist():
            info.filename, content = edit(info.filename, archive.read(info))
            files.append((info, content))
    for info, content in files:
        if not info.filename.endswith(("/", ".dist-info/RECORD")):
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            name = f'"{info.filename}"' if "," in info.filename else info.filename
            rows.append(f"{name},sha256={digest},{len(content)}")
    part = target.with_name("planted-part")
    with zipfile.ZipFile(part, "w") as archive:
        for info, content in files:
            if info.filename.endswith(".dist-info/RECORD"):
                content = "\n".join([*rows, f"{info.filename},,", ""]).encode()
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    part.replace(target)
