"""Defects to plant: for each gate what it must not let pass, as an edit of a throwaway copy."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.model import Evidence
from release.project import Project, as_table
from release.prove.copies import commit, git

if TYPE_CHECKING:
    from release.settings import Settings

MODULE = "planted_defect.py"
UNTRACKED = "planted-by-nox-release"
BRANCH = "planted-branch"
RAISES = 'raise RuntimeError("planted by nox-release")'
WORKFLOW = ".github/workflows/planted.yml"
PLANTED = "planted by nox-release"
PLANTED_FUNCTION = "planted_defect"
TEST_MODULE = "test_planted_defect.py"
IS_TEST = re.compile(r"(?m)^\s*(?:async\s+)?def test|^class \w*Test")


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


def _as_read(_copy: Copy, project: Project) -> Project:
    return project


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect: what it is, how it is planted, and what the gate must say of it.

    `plant` edits the copy; `says` is a regular expression that the path and message of a new
    finding must match, empty where any new finding will do. `control` plants something harmless in
    the same place: a finding that does not say what it is of counts only if a copy with that
    passes. `fallback` is for defects that are tried only where none before it can be planted, for
    they show less. `committed` says whether the edit is committed before the gate looks. `amend`
    changes what was read of the copy, for settings that lead to stand-ins of the outside.
    `surroundings` are environment variables that it must see, None for those that it must not; such
    a defect is judged alone.
    """

    name: str
    plant: Callable[[Copy], None]
    says: str = ""
    control: Callable[[Copy], None] | None = None
    fallback: bool = False
    committed: bool = True
    amend: Callable[[Copy, Project], Project] = _as_read
    surroundings: Callable[[Copy], Mapping[str, str | None]] | None = None


def writable(copy: Copy, path: str) -> Path:
    """A file of the copy to write: a link may lead out of it, to what is nobody's copy."""
    target = copy.root / path
    top = copy.project.git.top if copy.project.git else copy.root
    if not target.resolve().is_relative_to(top.resolve()):
        raise CannotPlant(f"{path} leads out of the repository")
    return target


def _write(copy: Copy, path: str, text: str) -> None:
    """Write a file anew; bytes that were no UTF-8 when it was read are kept."""
    target = writable(copy, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode("utf-8", "surrogateescape"))


def _read(copy: Copy, path: str) -> str:
    return (copy.root / path).read_bytes().decode("utf-8", "surrogateescape")


def _append(copy: Copy, path: str, text: str) -> None:
    with writable(copy, path).open("ab") as file:
        file.write(f"\n{text}\n".encode())


def _module(project: Project) -> str:
    """The package's own first module."""
    if project.package_path is None:
        raise CannotPlant("no import package was found")
    if project.package_path.endswith(".py"):
        return project.package_path
    path = f"{project.package_path}/__init__.py"
    if not (project.root / path).is_file():
        raise CannotPlant("the package is a namespace, without a module of its own")
    return path


def _add_code(copy: Copy, code: str, imports: str = "") -> None:
    """Put code into a new module of the package, or at the end of a package that is one module."""
    path = copy.project.package_path
    if path is None:
        raise CannotPlant("no import package was found")
    text = f"{imports}\n\n\n{code}" if imports else f"\n{code}"
    if path.endswith(".py"):
        _append(copy, path, f"\n{text.strip()}")
    else:
        _write(copy, f"{path}/{MODULE}", f'"""Planted."""\n\n{text}')


def _nothing(_copy: Copy) -> None:
    pass


def _updated(settings: Settings, gate: str, **values: Any) -> Settings:
    """Settings with other values for one gate."""
    gates = settings.gates
    changed = getattr(gates, gate).model_copy(update=values)
    return settings.model_copy(update={"gates": gates.model_copy(update={gate: changed})})


# --- the repository -------------------------------------------------------------------------------


def untracked_file(copy: Copy) -> None:
    _write(copy, UNTRACKED, "planted\n")
    if not git(copy.root, "status", "--porcelain", "--", UNTRACKED):
        raise CannotPlant("git is told to ignore every new file")


def changed_file(copy: Copy) -> None:
    names = git(copy.root, "ls-files", "-z").split("\0")
    for name in names:
        if (copy.root / name).is_file() and not (copy.root / name).is_symlink():
            _append(copy, name, "# planted")
            return
    raise CannotPlant("there is no file to change")


def another_branch(copy: Copy) -> None:
    git(copy.root, "checkout", "--quiet", "-b", BRANCH)


def taken_tag(copy: Copy) -> None:
    version = copy.project.target_version(None)
    if version is None:
        raise CannotPlant("no version is to be released, so no tag is to be made")
    tag = copy.project.tag_of(copy.project.spell(version))
    tree = git(copy.root, "rev-parse", "HEAD^{tree}")
    other = git(copy.root, "commit-tree", tree, "-m", "Planted")
    git(copy.root, "tag", "--force", "--annotate", "--message=Planted", "--", tag, other)


def failed_check(copy: Copy) -> None:
    remote = copy.project.settings.remote
    git(copy.root, "remote", "set-url", remote, "http://127.0.0.1/planted/planted")


def forge_on_loopback(copy: Copy) -> Mapping[str, str | None]:
    tokens = ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
    return {
        **dict.fromkeys((*tokens, "GH_HOST", "GITHUB_RUN_ID")),
        "GITHUB_SERVER_URL": "http://127.0.0.1",
        "GITHUB_API_URL": copy.server,
        "GH_CONFIG_DIR": str(copy.scratch),
    }


def day_to_come(copy: Copy, project: Project) -> Project:
    setup = project.settings.gates.setup
    day = max(evidence.started for evidence in copy.clean.values()).date() + timedelta(days=40)
    confirmed = {**setup.confirmed, "publisher": day}
    settings = _updated(project.settings, "setup", confirmed=confirmed)
    return replace(project, settings=settings)


def unused_hooks(copy: Copy) -> None:
    from release.settings import environment_is_ci

    if environment_is_ci():
        raise CannotPlant("hooks are not judged in CI")
    if not (copy.root / ".githooks").is_dir():
        _write(copy, ".githooks/pre-push", "#!/bin/sh\n# planted\n")
    git(copy.root, "config", "core.hooksPath", os.devnull)


# --- what people read -----------------------------------------------------------------------------


def disagreeing_version(copy: Copy) -> None:
    others = [place for place in copy.project.version_places[1:] if place.line is not None]
    if not others:
        raise CannotPlant("the version stands in one place only")
    place = others[-1]
    lines = _read(copy, place.path).split("\n")
    number = (place.line or 1) - 1
    lines[number] = lines[number].replace(place.value, "0.0.0.dev987", 1)
    _write(copy, place.path, "\n".join(lines))


def higher_release(copy: Copy) -> None:
    if copy.project.version is None:
        raise CannotPlant("the version is that of the newest tag")
    tag = copy.project.tag_of("98765.0.0")
    git(copy.root, "tag", "--annotate", "--message=Planted", "--", tag)


def doubled_section(copy: Copy) -> None:
    from release.project import read_text
    from release.text.changelog import read

    name = copy.project.changelog
    if name is None or not (copy.root / name).is_file():
        raise CannotPlant("there is no changelog")
    log = read(read_text(copy.root, name), name)
    if not log.sections:
        raise CannotPlant("the changelog has no section yet")
    first = log.sections[0].line - 1
    lines = _read(copy, name).split("\n")
    end = log.sections[1].line - 1 if len(log.sections) > 1 else len(lines)
    doubled = [*lines[:end], *lines[first:end], *lines[end:]]
    if end == len(lines):
        doubled = [*lines, "", *lines[first:]]
    _write(copy, name, "\n".join(doubled))


def missing_licence(copy: Copy) -> None:
    from release.gates.documents import LICENCE, declared_licence

    metadata = as_table(copy.project.pyproject.get("project"))
    if not declared_licence(copy.project.pyproject)[1]:
        raise CannotPlant("no licence is declared")
    found = [p for p in copy.root.iterdir() if LICENCE.fullmatch(re.split(r"[.\-_ ]", p.name)[0])]
    globs = metadata.get("license-files")
    for glob in globs if isinstance(globs, list) else ():
        found += copy.root.glob(str(glob))
    file = as_table(metadata.get("license")).get("file")
    found += [copy.root / str(file)] if file else []
    top = copy.root.resolve()
    for path in found:
        if path.is_file() and path.parent.resolve().is_relative_to(top):
            path.unlink(missing_ok=True)


def false_citation(copy: Copy) -> None:
    text = "cff-version: 1.2.0\nmessage: Planted.\ntitle: Planted\n"
    if (copy.root / "CITATION.cff").exists():
        text = _read(copy, "CITATION.cff")
    _write(copy, "CITATION.cff", re.sub(r"(?m)^cff-version:.*$", "cff-version: [1]", text))


def broken_deposit(copy: Copy) -> None:
    text = _read(copy, ".zenodo.json") if (copy.root / ".zenodo.json").exists() else "{}"
    _write(copy, ".zenodo.json", f"{text}\nplanted\n")


def unregistered_schema(copy: Copy) -> None:
    settings = copy.project.settings.schemas
    if settings is None or not settings.sources:
        raise CannotPlant("tool.release.schemas.sources names no source of a schema's version")
    source = settings.sources[0]
    before, _, after = source.search.partition("{version}")
    if not (copy.root / source.file).is_file():
        raise CannotPlant(f"{source.file} is not there")
    pattern = f"{re.escape(before)}\\d[\\w.]*{re.escape(after)}"
    text = re.sub(pattern, lambda _: f"{before}987{after}", _read(copy, source.file))
    _write(copy, source.file, text)


def publishing_by_password(copy: Copy) -> None:
    _write(
        copy,
        WORKFLOW,
        "name: planted\non: {push: {branches: [main]}}\njobs:\n  publish:\n"
        "    runs-on: ubuntu-latest\n    continue-on-error: true\n    steps:\n"
        "      - uses: pypa/gh-action-pypi-publish@release/v1\n"
        "        with: {password: '${{ secrets.PYPI_API_TOKEN }}', attestations: false}\n",
    )


def index_token(copy: Copy) -> None:
    _write(
        copy,
        WORKFLOW,
        "name: planted\non: {push: {branches: [main]}}\npermissions: {}\njobs:\n  planted:\n"
        "    runs-on: ubuntu-latest\n    timeout-minutes: 5\n    steps:\n      - run: 'true'\n"
        "        env: {TWINE_PASSWORD: '${{ secrets.PYPI_API_TOKEN }}'}\n",
    )


# --- the code -------------------------------------------------------------------------------------


def _function(result: str) -> str:
    """A function that nothing but its result is wrong with."""
    return f'def {PLANTED_FUNCTION}() -> int:\n    """Return a number."""\n    return {result}\n'


def unknown_name(copy: Copy) -> None:
    _add_code(copy, _function("a_name_that_nobody_defined"))


def wrong_type(copy: Copy) -> None:
    _add_code(copy, _function('"text"'))


def harmless_function(copy: Copy) -> None:
    _add_code(copy, _function("1"))


def broken_import(copy: Copy) -> None:
    _append(copy, _module(copy.project), RAISES)


def harmless_comment(copy: Copy) -> None:
    _append(copy, _module(copy.project), "\n# Planted.")


def _add_test(copy: Copy, body: str) -> None:
    """Put a test into each module of tests: which of them are run is not known."""
    from release.project.declared import test_folders

    folders = test_folders(copy.project)
    listed = git(copy.root, "ls-files", "-z", "--", "*.py").split("\0")
    inside = [n for n in listed if any(n == f or n.startswith(f"{f}/") for f in folders)]
    named = [n for n in listed if re.search(r"(^|/)(test_[^/]*|[^/]*_test|tests)\.py$", n)]
    modules = [
        name
        for name in inside or named
        if (copy.root / name).is_file() and IS_TEST.search(_read(copy, name))
    ]
    if not modules and folders:
        modules = [f"{folders[0]}/{TEST_MODULE}"]
    if not modules:
        raise CannotPlant("no module of tests was found")
    text = (
        "\nimport unittest\n\n\nclass TestPlantedDefect(unittest.TestCase):\n"
        f'    """Planted."""\n\n    def test_planted(self) -> None:\n'
        f'        """Look at what was planted."""\n        {body}'
    )
    for name in modules:
        if (copy.root / name).exists():
            _append(copy, name, text)
        else:
            _write(copy, name, f"{text}\n")


def failing_test(copy: Copy) -> None:
    _add_test(copy, f'self.fail("{PLANTED}")')


def harmless_test(copy: Copy) -> None:
    _add_test(copy, "self.assertTrue(True)")


def dangling_reference(copy: Copy) -> None:
    _add_to_docs(copy, "[planted](planted-and-not-there.md)", ":ref:`planted-and-not-there`")


def harmless_sentence(copy: Copy) -> None:
    _add_to_docs(copy, "Planted.", "Planted.")


def _add_to_docs(copy: Copy, markdown: str, text: str) -> None:
    from release.gates.docs import find_sources

    sources = find_sources(copy.project)
    if not sources:
        raise CannotPlant("where the documentation lies is not known")
    source = sources[0]
    folder = copy.root / source.folder
    if source.tool == "mkdocs":
        text = (copy.root / source.path).read_text(encoding="utf-8", errors="replace")
        told = re.search(r"(?m)^docs_dir:\s*['\"]?([^'\"#\n]+)", text)
        folder /= told[1].strip() if told else "docs"
    for name in ("index.md", "index.rst", "README.md", "*.md", "*.rst"):
        for path in sorted(folder.glob(name)):
            added = markdown if path.suffix == ".md" else text
            _append(copy, path.relative_to(copy.root).as_posix(), f"\n{added}")
            return
    raise CannotPlant("the documentation has no page at its top")


def shell_command(copy: Copy) -> None:
    code = (
        f'def {PLANTED_FUNCTION}(word: str) -> int:\n    """Say a word."""\n'
        '    return subprocess.call(f"echo {word}", shell=True)\n'
    )
    _add_code(copy, code, "import subprocess")


def _key() -> str:
    # Made here, so that no secret, be it a false one, is ever part of this program.
    kind = " ".join(("RSA", "PRIVATE", "KEY"))
    body = base64.b64encode(secrets.token_bytes(24 * 48)).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n"


def private_key(copy: Copy) -> None:
    _write(copy, "planted_key.txt", _key())


def removed_key(copy: Copy) -> None:
    private_key(copy)
    commit(copy.root)
    (copy.root / "planted_key.txt").unlink()


def failing_migration(copy: Copy) -> None:
    _add_to_migration(copy, "SELECT planted FROM planted")


def harmless_migration(copy: Copy) -> None:
    _add_to_migration(copy, "SELECT 1")


def _add_to_migration(copy: Copy, statement: str) -> None:
    from release.gates.migrations.migration_files import CannotPlant as UnknownKind
    from release.gates.migrations.migration_files import in_order, plant

    settings = copy.project.settings.gates.migrations
    if settings.folder is None or not settings.migrate:
        raise CannotPlant("no folder of migrations is set (tool.release.gates.migrations.folder)")
    texts = {
        path.relative_to(copy.root).as_posix(): path.read_bytes().decode("utf-8", "surrogateescape")
        for path in sorted((copy.root / settings.folder).rglob("*"))
        if path.suffix in {".sql", ".py"} and path.is_file()
    }
    names = in_order(texts)
    if not names:
        raise CannotPlant(f"{settings.folder} holds no migrations")
    try:
        text = plant(names[-1], texts[names[-1]], [statement], first=False)
    except UnknownKind as error:
        raise CannotPlant(str(error)) from None
    _write(copy, names[-1], text)


# --- what is shipped ------------------------------------------------------------------------------


def shipped_key(copy: Copy) -> None:
    _add_code(copy, f'KEY = """\n{_key()}"""\n')


def private_classifier(copy: Copy) -> None:
    if not copy.project.settings.publish:
        raise CannotPlant("it goes to no index ([tool.release] publish = false)")
    _add_metadata(copy, "Classifier", "Private :: Planted")


def long_summary(copy: Copy) -> None:
    _add_metadata(copy, "Summary", "Planted. " * 80)


def own_path(copy: Copy) -> None:
    _add_metadata(copy, "Summary", f"Planted, in {copy.root}.")


def _add_metadata(copy: Copy, field: str, value: str) -> None:
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
    _rewrite(folder / _wheel(copy), folder / _wheel(copy), edit)


def _wheel(copy: Copy) -> str:
    """The path below `.release/` of a wheel that build made of the clean copy."""
    artifacts = copy.clean["build"].outcome.artifacts if "build" in copy.clean else ()
    wheels = [artifact.path for artifact in artifacts if artifact.name.endswith(".whl")]
    if not wheels:
        raise CannotPlant("build made no wheel")
    return wheels[0]


def _rewrite(source: Path, target: Path, edit: Callable[[str, bytes], tuple[str, bytes]]) -> None:
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


def richer_release(copy: Copy) -> None:
    """An index with a release before this one, whose wheel has one entry point more."""
    version = copy.clean["build"].outcome.facts.get("version", "")
    before = _version_before(version)
    source = copy.made / _wheel(copy)
    name = re.sub(r"[-_.]+", "-", copy.project.name).lower()
    folder = copy.scratch / "index" / name
    folder.mkdir(parents=True)
    spelled, _, tags = source.stem.split("-", 2)
    info = f"{spelled}-{before}.dist-info/"
    points = "entry_points.txt"
    point = f"planted-defect = {copy.project.package or 'planted'}:planted"

    def edit(name: str, content: bytes) -> tuple[str, bytes]:
        place, _, file = name.rpartition(".dist-info/")
        if not place:
            return name, content
        text = content.decode("utf-8", "surrogateescape")
        if file == "METADATA":
            text = re.sub(r"(?m)^Version:.*$", f"Version: {before}", text, count=1)
        elif file == points and "[console_scripts]" in text:
            text = text.replace("[console_scripts]", f"[console_scripts]\n{point}", 1)
        elif file == points:
            text += f"\n[console_scripts]\n{point}\n"
        return f"{info}{file}", text.encode("utf-8", "surrogateescape")

    wheel = folder / f"{spelled}-{before}-{tags}.whl"
    _rewrite(source, wheel, edit)
    with zipfile.ZipFile(wheel, "a") as archive:
        if f"{info}{points}" not in archive.namelist():
            archive.writestr(f"{info}{points}", f"[console_scripts]\n{point}\n")
    page = f'<!doctype html>\n<a href="{wheel.name}">{wheel.name}</a>\n'
    (folder / "index.html").write_text(page, encoding="utf-8")


def _version_before(version: str) -> str:
    """A final version below another one, of as many numbers."""
    from release.text.versions import parse

    parsed = parse(version)
    numbers = list(parsed.release) if parsed else []
    for place in range(len(numbers) - 1, -1, -1):
        if numbers[place] > 0:
            lower = [*numbers[:place], numbers[place] - 1, *([0] * (len(numbers) - place - 1))]
            epoch = f"{parsed.epoch}!" if parsed and parsed.epoch else ""
            return epoch + ".".join(map(str, lower))
    raise CannotPlant(f"no final version is below {version or 'what was built'}")


def planted_index(copy: Copy, project: Project) -> Project:
    uri = (copy.scratch / "index").as_uri()
    return replace(project, settings=project.settings.model_copy(update={"index": uri}))


def expired_ignore(copy: Copy, project: Project) -> Project:
    from release.settings import AuditIgnore

    long_ago = min(e.started for e in copy.clean.values()).date() - timedelta(days=400)
    ignore = AuditIgnore(id="PLANTED-1", reason="planted", expires=long_ago)
    kept = project.settings.gates.audit.ignore
    return _vulnerable(copy, project, ignore=(*kept, ignore))


def vulnerable_dependency(copy: Copy, project: Project) -> Project:
    return _vulnerable(copy, project)


def _vulnerable(copy: Copy, project: Project, **more: Any) -> Project:
    url = f"{copy.server}/v1/query"
    return replace(
        project, settings=_updated(project.settings, "audit", service="osv", osv_url=url, **more)
    )


def failing_image(copy: Copy) -> None:
    if copy.project.dockerfile is None:
        raise CannotPlant("there is no Dockerfile")
    _append(copy, copy.project.dockerfile, "RUN exit 3")


DEFECTS: Mapping[str, tuple[Defect, ...]] = {
    "tree": (
        Defect("an untracked file", untracked_file, UNTRACKED, committed=False),
        Defect("a change that is not committed", changed_file, "not committed", committed=False),
        Defect("a branch that is not released from", another_branch, BRANCH, committed=False),
        Defect("a tag of the version on another commit", taken_tag, "exists here", committed=False),
    ),
    "ci": (
        Defect(
            "a check that failed, on a forge on loopback",
            failed_check,
            "ended with failure",
            committed=False,
            surroundings=forge_on_loopback,
        ),
    ),
    "setup": (
        Defect(
            "a confirmation with a day to come",
            _nothing,
            "a day to come",
            committed=False,
            amend=day_to_come,
        ),
        Defect("hooks that are not in use", unused_hooks, "hooks .* not in use"),
    ),
    "versions": (
        Defect("places that disagree", disagreeing_version, r"0\.0\.0\.dev987"),
        Defect("a version below the last release", higher_release, "98765"),
    ),
    "changelog": (Defect("a section that is there twice", doubled_section, "second section"),),
    "documents": (
        Defect("a licence file that is missing", missing_licence, "(?i)licen[cs]e"),
        Defect("a citation that is not valid", false_citation, "cff-version"),
        Defect("a deposit that is no JSON", broken_deposit, r"zenodo.*not valid JSON"),
    ),
    "schemas": (Defect("a version that is not registered", unregistered_schema, "987"),),
    "workflows": (
        Defect("publishing by a password", publishing_by_password, r"planted\.yml: inputs:"),
        Defect("a token of the index", index_token, r"planted\.yml: token:"),
    ),
    "lint": (
        Defect(
            "a name that is not defined",
            unknown_name,
            "(?i)undefined.*a_name_that_nobody_defined",
            control=harmless_function,
        ),
    ),
    "typecheck": (
        Defect(
            "a value of the wrong type",
            wrong_type,
            r"(?i)return-value|reportReturnType|return type \W?int",
            control=harmless_function,
        ),
    ),
    "test": (
        Defect("a test that fails", failing_test, PLANTED, control=harmless_test),
        Defect(
            "a package that does not import",
            broken_import,
            PLANTED,
            control=harmless_comment,
            fallback=True,
        ),
    ),
    "docs": (
        Defect(
            "a reference to nowhere",
            dangling_reference,
            "planted-and-not-there",
            control=harmless_sentence,
        ),
    ),
    "static_analysis": (
        Defect("a shell command", shell_command, "shell ?=", control=harmless_function),
    ),
    "secrets": (
        Defect("a private key", private_key, r"planted_key.*private-key"),
        Defect("a private key that was taken out again", removed_key, r"planted_key.*private-key"),
    ),
    "migrations": (
        # What a migrator says of an error is its own affair.
        Defect("a migration that fails", failing_migration, control=harmless_migration),
    ),
    "build": (
        Defect("a package that does not import", broken_import, PLANTED),
        Defect("a private key in the package", shipped_key, "(?i)private key"),
    ),
    "parity": (
        Defect("a private classifier in the wheel", private_classifier, "Private :: Planted"),
        Defect("a summary that is too long, in the wheel", long_summary, "(?i)summary"),
    ),
    "ratchet": (
        Defect(
            "an entry point less than the last release, on an index in a folder",
            richer_release,
            "planted-defect",
            committed=False,
            amend=planted_index,
        ),
    ),
    "sbom": (Defect("metadata that name a place on this machine", own_path, "this machine"),),
    "audit": (
        Defect(
            "a vulnerable dependency, by advisories on loopback",
            _nothing,
            "PLANTED-2026",
            committed=False,
            amend=vulnerable_dependency,
        ),
        Defect(
            "an ignore that has expired",
            _nothing,
            "PLANTED-1 expired",
            committed=False,
            amend=expired_ignore,
        ),
    ),
    "docker": (Defect("an image that cannot be built", failing_image, r"(?i)exit 3|status 3|: 3"),),
}
# Gates that a stand-in answers whatever there is outside: a release on the index, a forge.
STOOD_IN = frozenset({"ci", "ratchet"})
