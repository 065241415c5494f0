"""Reads a repository once into a frozen Project, so that all gates judge the same facts."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from release.errors import CannotCheck, ConfigurationError
from release.model import Finding, Gate, Level
from release.project.git import GitFacts, git, read_facts, tags
from release.project.version_source import PASSED, VERSION_CONTROL, setup_version, unread_source
from release.text import ini, python, toml, yaml
from release.text.toml import table_at
from release.text.versions import (
    holds_version,
    level_of,
    next_version,
    parse,
    poetry_range,
    released,
    tag_template,
)

if TYPE_CHECKING:
    from release.settings import Settings

MAX_DOCUMENT = 64 * 1024 * 1024
# Folders that hold Python and that no project ships under that name at its top level.
NOT_PACKAGES = re.compile(
    r"(tests?|testing|unit_?tests?|docs?|documentation|examples?|scripts?|bin|tools?|util|utils"
    r"|bench|benchmarks?|build|dist|env|venv|node_modules|site|tasks?|ci|news|newsfragments"
    r"|(tests?|docs?|examples?)_\w+)",
    re.I,
)
# Build requirements that take the version from version control.
VCS_VERSION_TOOLS = frozenset(
    ["setuptools-scm", "hatch-vcs", "flit-scm", "versioningit", "dunamai", "vcs-versioning",
     "versioneer",
     "setuptools-git-versioning", "uv-dynamic-versioning", "poetry-dynamic-versioning"]
)  # fmt: skip
# A file that only says where the changelog is, and how it does: a path, or an address.
MOST_OF_A_POINTER = 1000
POINTED = re.compile(
    r"(?<![\w/:.-])[\w./-]*(?:change|history|news|release)[\w./-]*(?<!README)\.(?:md|rst|txt)\b",
    re.I,
)
ELSEWHERE = re.compile(
    r"https?://[^/\s]+/\S*(?:releases|change|history|news|whats?-?new)[^\s]*", re.I
)
# What a changelog has of its own: an item of a list, or a version.
OWN_ENTRY = re.compile(r"^\s*[-*+]\s|\d\.\d", re.M)
CHANGELOG_NAMES = re.compile(
    r"^(changelog|changes|history|news|release[-_]?notes)(\.(md|rst|txt))?$", re.I
)
LICENCE = re.compile(r"((un)?licen[cs]es?|copying|copyright)([.\-_ ].*)?", re.I)
# How many commits back a merge is looked for that brought a release's files under another commit.
SQUASHED = 1000
# Where CITATION.cff states the version: at its top level, and of the preferred citation.
CITED = (("version",), ("preferred-citation", "version"))
VERSION_NAMES = frozenset(["__version__", "VERSION"])
TUPLE_NAMES = frozenset(["__version_info__", "version_info", "VERSION"])
LEGACY_BACKEND = "setuptools.build_meta:__legacy__"


@dataclass(frozen=True, slots=True)
class VersionPlace:
    """A place that states the project's version: the file, the line (from 1), and what it says.

    `numbers` is how many numbers a tuple has there (`value` has dots between them), 0 for text.
    """

    path: str
    line: int | None
    value: str
    label: str
    numbers: int = 0

    def holds(self, version: Version) -> bool:
        """Whether it says a version: a tuple the first numbers of it."""
        if self.numbers:
            return self.value == self.spelled(version)
        return parse(self.value) == version

    def spelled(self, version: Version) -> str:
        """The numbers of a version that a tuple has, with dots between them."""
        return ".".join(map(str, (*version.release, *[0] * self.numbers)[: self.numbers]))


@dataclass(frozen=True, slots=True)
class Package:
    """An import package: its name, its folder or module, and what must be on sys.path for it."""

    name: str
    path: str
    source_root: str


@dataclass(frozen=True)
class Files:
    """The files that configure a project: pyproject.toml, also as text, setup.cfg and setup.py."""

    root: Path
    source: str
    pyproject: Mapping[str, Any]
    setup_cfg: ini.Sections
    setup_py: str

    def table(self, *keys: str) -> Mapping[str, Any]:
        """A table of pyproject.toml, empty where there is none."""
        return table_at(self.pyproject, *keys)

    def tool(self, *keys: str) -> Mapping[str, Any]:
        """A table below [tool]."""
        return table_at(self.pyproject, "tool", *keys)

    def cfg(self, section: str, key: str) -> str:
        """What setup.cfg says, "" for nothing."""
        return self.setup_cfg.get(section, {}).get(key, "")

    @property
    def backend(self) -> str:
        return str(self.table("build-system").get("build-backend") or LEGACY_BACKEND)

    @cached_property
    def script(self) -> ast.Module:
        """setup.py, parsed; an empty module where that cannot be."""
        return python.parsed(self.setup_py)

    def passed_to_setup(self, keyword: str) -> ast.expr | None:
        """What setup.py passes to setup() by a keyword."""
        return next(python.passed_to_setup(self.script, keyword), None)


@dataclass(frozen=True)
class Project:
    """A repository as it was when it was read.

    `root` is absolute; every other path is relative to it, with forward slashes. `version` is None
    when only the build backend can tell it (`version_source` then says where it comes from).
    `package` is the import name, `package_path` its folder or module, `source_root` what must be
    on `sys.path` to import it ("." or "src"). `pyproject` is the parsed pyproject.toml.
    `planned_tag` is a tag that this commit is judged as if it had, `extra` are the gates of the
    noxfile by name.
    """

    root: Path
    name: str
    version: str | None
    version_source: str
    version_places: tuple[VersionPlace, ...]
    backend: str
    requires_python: str | None
    package: str | None
    package_path: str | None
    source_root: str
    packages: tuple[str, ...]
    pyproject: Mapping[str, Any]
    settings: Settings
    git: GitFacts | None
    changelog: str | None
    dockerfile: str | None
    warnings: tuple[Finding, ...] = field(default=())
    planned_tag: str | None = None
    extra: Mapping[str, Gate] = field(default_factory=dict)

    def require_package(self) -> str:
        """The import package. Raises CannotCheck when none or several could be it."""
        if self.package is None:
            if len(self.packages) > 1:
                raise CannotCheck(
                    f"several import packages: {', '.join(self.packages)}",
                    "name the one that carries the version: [tool.release] package = ...",
                )
            raise CannotCheck(
                "no import package found below src/ or the root",
                "name it: [tool.release] package = ...",
            )
        return self.package

    def tool(self, name: str) -> Mapping[str, Any]:
        """The table `[tool.NAME]` of pyproject.toml, empty where there is none."""
        return table_at(self.pyproject, "tool", name)

    def configures(self, name: str) -> bool:
        """Whether pyproject.toml has a table `[tool.NAME]`, be it an empty one."""
        return name in as_table(self.pyproject.get("tool"))

    @property
    def repository(self) -> GitFacts:
        """What git says, where something is done that needs a repository."""
        assert self.git is not None
        return self.git

    @property
    def top(self) -> Path:
        """The folder of the whole repository; the project's own where there is no git."""
        return self.git.top if self.git is not None else self.root

    @property
    def has_src_layout(self) -> bool:
        return self.source_root != "."

    @cached_property
    def tag_template(self) -> str:
        """How release tags are spelled, such as v{version}.

        As set in tool.release.tag, else as [tool.bumpversion] or commitizen say, else as the tags
        that are there, else the setting's default.
        """
        if "tag" in self.settings.model_fields_set:
            return self.settings.tag
        tool = as_table(self.pyproject.get("tool"))
        bump = as_table(tool.get("bumpversion")).get("tag_name")
        commitizen = as_table(tool.get("commitizen")).get("tag_format")
        for declared, field_name in ((bump, "{new_version}"), (commitizen, "$version")):
            if isinstance(declared, str) and declared.count(field_name) == 1:
                template = declared.replace(field_name, "{version}")
                if not re.search(r"[{}$\s]", template.replace("{version}", "")):
                    return template
        return tag_template(self._tags, self.name) or self.settings.tag

    @cached_property
    def tag(self) -> str | None:
        """The tag of the current version; None when the version is not known statically."""
        return self.tag_of(self.version) if self.version else None

    @cached_property
    def released(self) -> Mapping[str, Version]:
        """The release tags that are there, with the versions they spell."""
        return released(self._tags, self.tag_template)

    @cached_property
    def _tags(self) -> tuple[str, ...]:
        return tags(self.root) if self.git is not None else ()

    @property
    def unread_tags(self) -> tuple[str, ...]:
        """Tags that hold a version and follow no form that is known, where none follows one."""
        if self.git is None or self.released or "tag" in self.settings.model_fields_set:
            return ()
        return tuple(filter(holds_version, self._tags))

    @cached_property
    def released_here(self) -> Mapping[str, Version]:
        """The release tags on this commit, a planned one included, with what they spell."""
        if self.git is None or self.git.commit is None:
            return {}
        here = git(self.root, "tag", "--points-at", self.git.commit).stdout.split()
        if self.planned_tag:
            here.append(self.planned_tag)
        return released(here, self.tag_template)

    @cached_property
    def merged_tags(self) -> tuple[str, ...]:
        """The tags in the history of this commit, in git's order.

        Behind them that of the current version where its commit is not in the history, and its tree
        is that of an earlier commit: a squashed or rebased merge brought it here.
        """
        if self.git is None or self.git.commit is None:
            return ()
        merged = git(self.root, "tag", "--merged", self.git.commit).stdout.split()
        current = self.target_version(None)
        others = [t for t, v in self.released.items() if v == current and t not in merged]
        if others:
            log = ("log", f"--max-count={SQUASHED}", "--skip=1", "--format=%T")
            trees = set(git(self.root, *log, self.git.commit).stdout.split())
            tree_of = {t: git(self.root, "rev-parse", f"refs/tags/{t}^{{tree}}") for t in others}
            merged += [t for t, said in tree_of.items() if said.stdout.strip() in trees]
        return tuple(merged)

    @cached_property
    def merged(self) -> Mapping[str, Version]:
        """The release tags in the history of this commit, with the versions they spell."""
        return {tag: self.released[tag] for tag in self.merged_tags if tag in self.released}

    def tag_of(self, version: str) -> str:
        """The tag of a version, which is spelled as this project writes it."""
        known = parse(version)
        template = self.settings.prerelease_tag
        if template is None or known is None or not known.is_prerelease:
            return self.tag_template.replace("{version}", version)
        base = known.base_version
        pre = str(known).removeprefix(base).lstrip(".")
        return template.replace("{base}", base).replace("{pre}", pre)

    def target_version(self, level: Level | None) -> Version | None:
        """The version to be released: the current one, or the next of the kind `level`.

        The current version of a project whose tags define it is that of a tag on this commit; with
        a level, that of the last release. None when it is not known or no version by PEP 440.
        """
        current = parse(self.version) if self.version else None
        if self.version is None:
            current = max(self.released_here.values(), default=None)
            if current is None and level is not None:
                current = max(self.released.values(), default=None)
        if current is None or level is None:
            return current
        return next_version(current, level)

    @cached_property
    def after_release(self) -> bool:
        """Whether the current version is released, and this commit is a later one."""
        version = self.target_version(None)
        here = set(self.released_here.values())
        return version in set(self.merged.values()) and version not in here

    @cached_property
    def release_level(self) -> Level | None:
        """The kind of release that the current version is, after the last one below it.

        None when either is not known.
        """
        version = self.target_version(None)
        if version is None:
            return None
        last = max((found for found in self.released.values() if found < version), default=None)
        return level_of(last, version) if last is not None else None

    def spell(self, version: Version) -> str:
        """A version as this project writes it: as it stands in its places, else by PEP 440."""
        if self.version is not None and parse(self.version) == version:
            return self.version
        return str(version)


def read_project(root: Path, extra: Mapping[str, Gate] | None = None) -> Project:
    """Read the repository in `root`; `extra` are the gates of its noxfile, by name.

    Raises ConfigurationError with every problem found: no such folder, no build configuration,
    malformed files, or settings that make no sense.
    """

    root = root.resolve()
    if not root.is_dir():
        raise ConfigurationError.of(
            "is not a folder", str(root), remedy="give the project's folder"
        )
    if not str(root).isprintable():
        shown = ascii(str(root))
        raise ConfigurationError.of(
            "the folder's path is not UTF-8, or holds characters that cannot be printed",
            shown,
            remedy="rename the folder",
        )
    files = _read_files(root)
    from release.settings import parse

    settings = parse(files.tool("release"), files.source, extra=extra)
    name = _name(files)
    packages = tuple(_find_packages(files, name))
    package = _choose_package(root, settings.package, name, packages)
    places, version, version_source, warnings = _version(files, package)
    requires = (
        files.table("project").get("requires-python")
        or files.cfg("options", "python_requires")
        or _setup_py_argument(files, "python_requires")
    )
    return Project(
        root=root,
        name=name,
        version=version,
        version_source=version_source,
        version_places=places,
        backend=files.backend,
        requires_python=str(requires) if requires else _poetry_python(files),
        package=package.name if package else None,
        package_path=package.path if package else None,
        source_root=package.source_root if package else ".",
        packages=tuple(dict.fromkeys(item.name for item in packages)),
        pyproject=files.pyproject,
        settings=settings,
        git=read_facts(root),
        changelog=settings.changelog.file or _find_changelog(files),
        dockerfile=_find_dockerfile(root),
        extra=extra or {},
        warnings=warnings,
    )


def read_text(root: Path, path: str) -> str:
    """The text of a project file, decoded as UTF-8 (a byte order mark is dropped).

    Raises ConfigurationError naming the file when it leads out of the repository, cannot be read,
    is larger than 64 MiB, or is not UTF-8.
    """
    target = root / path
    try:
        resolved = target.resolve(strict=True)
        if not resolved.is_relative_to(root):
            raise ConfigurationError.of(
                "leads out of the repository", path, remedy="keep it inside"
            )
        if not (resolved.is_file() or resolved.is_dir()):  # a pipe would be waited for
            raise ConfigurationError.of("is not a file", path, remedy="remove it")
        if resolved.stat().st_size > MAX_DOCUMENT:
            raise ConfigurationError.of("is larger than 64 MiB", path, remedy="split it")
        data = resolved.read_bytes()
    except (OSError, RuntimeError) as error:
        # Older Pythons say so of a loop of links, with its whole path.
        loop = isinstance(error, RuntimeError)
        why = "a link that leads to itself" if loop else getattr(error, "strerror", "") or error
        raise ConfigurationError.of(f"cannot be read: {why}", path, remedy="fix the file") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError.of("is not UTF-8", path, line, "save it as UTF-8") from None


def as_table(value: Any) -> Mapping[str, Any]:
    """`value` when it is a table of TOML, an empty one otherwise."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    """`value` when it is a list, an empty one otherwise."""
    return value if isinstance(value, list) else []


def _read_files(root: Path) -> Files:
    there = [(root / name).exists() for name in ("pyproject.toml", "setup.cfg", "setup.py")]
    if not any(there):
        raise ConfigurationError.of(
            f"no pyproject.toml in {root}",
            remedy="run this in a Python project, or name one with --project PATH",
        )
    source = read_text(root, "pyproject.toml") if there[0] else ""
    pyproject = toml.read(source, "pyproject.toml") if there[0] else {}
    setup_cfg = ini.loads(read_text(root, "setup.cfg"), "setup.cfg") if there[1] else {}
    setup_py = read_text(root, "setup.py") if there[2] else ""
    return Files(root, source, pyproject, setup_cfg, setup_py)


def _name(files: Files) -> str:
    flit = files.tool("flit", "metadata")
    for candidate in (
        files.table("project").get("name"),
        files.tool("poetry").get("name"),
        files.cfg("metadata", "name"),
        flit.get("dist-name") or flit.get("module"),
        _setup_py_argument(files, "name"),
    ):
        if isinstance(candidate, str) and candidate:
            if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", candidate):
                raise ConfigurationError.of(
                    f"{candidate!r} is not a valid project name",
                    "pyproject.toml",
                    remedy="use ASCII letters, digits, '.', '-' and '_', as core metadata do",
                )
            return candidate
    has_pyproject = (files.root / "pyproject.toml").exists()
    raise ConfigurationError.of(
        "has no [project] table with a name" if has_pyproject else "names no project",
        "pyproject.toml" if has_pyproject else "setup.py",
        remedy='add [project] with name = "..." to pyproject.toml',
    )


def _setup_py_argument(files: Files, keyword: str) -> str | None:
    value = files.passed_to_setup(keyword)
    match value:
        case ast.Name(id=name):
            found = _constants([files.script], name)
        case ast.Subscript(slice=ast.Constant(value=str(name))) | ast.Attribute(attr=name):
            found = _constants(_modules_about(files.root), name)
        case _:
            found = {getattr(value, "value", None)}
    only = found.pop() if len(found) == 1 else None
    return only if isinstance(only, str) else None


def _constants(trees: Iterable[ast.Module], name: str) -> set[Any]:
    """What modules assign to a name, as far as it is written down."""
    return {
        getattr(value, "value", None)
        for tree in trees
        for names, value in python.assignments(tree)
        if name in names
    }


def _modules_about(root: Path) -> Iterator[ast.Module]:
    """The modules in which packages say what they are, which a setup.py may run for that."""
    for base in (root, root / "src"):
        for pattern in ("*/__init__.py", "*/__*__.py", "*/*version*.py"):
            for path in sorted(base.glob(pattern)):
                with contextlib.suppress(SyntaxError, ConfigurationError):
                    yield python.parse(read_text(root, path.relative_to(root).as_posix()))


def _poetry_python(files: Files) -> str | None:
    wanted = files.tool("poetry", "dependencies").get("python")
    return (poetry_range(wanted) or None) if isinstance(wanted, str) else None


def _find_packages(files: Files, name: str) -> list[Package]:
    """Folders and modules that look like what is shipped: declared ones, else visible ones."""
    called = ((base, _underscored(name)) for base in ("src", "."))
    each = (_declared_packages(files), _visible_packages(files, name), called)
    found = ([*_existing(files.root, candidates)] for candidates in each)
    return next(filter(None, found), [])


def _existing(root: Path, candidates: Iterable[tuple[str, str]]) -> Iterator[Package]:
    """The packages that exist among pairs of a source root and a dotted name."""
    seen: set[str] = set()
    for base, name in candidates:
        parts = name.split(".")
        if not name or not all(part.isidentifier() for part in parts):
            continue
        source_root = PurePosixPath(base or ".")
        if source_root.is_absolute() or ".." in source_root.parts:
            continue
        path = source_root.joinpath(*parts)
        if (root / path).is_dir():
            path = _below_namespace(root, path)
        elif (root / f"{path}.py").is_file():
            path = PurePosixPath(f"{path}.py")
        else:
            continue
        if str(path) in seen:
            continue
        seen.add(str(path))
        inside = path.with_suffix("").relative_to(source_root).parts
        yield Package(".".join(inside), str(path), str(source_root))


def _below_namespace(root: Path, path: PurePosixPath) -> PurePosixPath:
    """The regular package below a namespace package that holds nothing else."""
    while not (root / path / "__init__.py").exists() and not list((root / path).glob("*.py")):
        inside = [
            entry.name
            for entry in (root / path).iterdir()
            if entry.is_dir() and entry.name.isidentifier() and not entry.is_symlink()
        ]
        if len(inside) != 1 or inside[0] == "__pycache__":
            break
        path /= inside[0]
    return path


def _declared_packages(files: Files) -> Iterator[tuple[str, str]]:
    """Source root and name of each package that a build backend's configuration names."""
    wheel = files.tool("hatch", "build", "targets", "wheel")
    scikit = files.tool("scikit-build", "wheel").get("packages")
    for item in (*_texts(wheel.get("packages")), *_texts(scikit)):
        yield str(PurePosixPath(item).parent), PurePosixPath(item).name
    for entry in as_list(files.tool("poetry").get("packages")):
        include, base = as_table(entry).get("include"), as_table(entry).get("from", ".")
        if isinstance(include, str) and isinstance(base, str) and "*" not in include:
            yield base, include.removesuffix(".py").strip("/").replace("/", ".")
    uv = files.tool("uv", "build-backend")
    for item in _texts(uv.get("module-name")):
        yield str(uv.get("module-root", "src")), item
    flit = (files.tool("flit", "module").get("name"), files.tool("flit", "metadata").get("module"))
    for item in (*_texts(flit[0]), *_texts(flit[1])):
        yield "src", item
        yield ".", item
    maturin = files.tool("maturin")
    for item in _texts(maturin.get("module-name")):
        yield str(maturin.get("python-source", ".")), item.split(".")[0]
    setuptools = files.tool("setuptools")
    folders = as_table(setuptools.get("package-dir"))
    for item in _texts(setuptools.get("packages")):
        if "." not in item:
            mapped = PurePosixPath(str(folders.get(item) or f"{folders.get('', '.')}/{item}"))
            yield str(mapped.parent), mapped.name
    for item in _texts(setuptools.get("py-modules")):
        yield str(folders.get("", ".")), item
    for item in files.cfg("options", "py_modules").split():
        yield ".", item


def _visible_packages(files: Files, name: str) -> Iterator[tuple[str, str]]:
    root = files.root
    mapped = re.search(r"^\s*=\s*(\S+)", files.cfg("options", "package_dir"), re.M)
    bases = [
        *_texts(files.tool("setuptools", "packages", "find").get("where")),
        *_texts(files.tool("setuptools", "package-dir").get("")),
        *_texts(files.tool("pdm", "build").get("package-dir")),
        *_texts(files.tool("maturin").get("python-source")),
        *files.cfg("options.packages.find", "where").split(),
        *([mapped[1]] if mapped else []),
        "src",
        ".",
    ]
    for base in dict.fromkeys(bases):
        folder = root / base
        if not folder.resolve().is_relative_to(root) or not folder.is_dir():
            continue
        for entry in sorted(folder.iterdir()):
            if not entry.is_dir() or not entry.name.isidentifier():
                continue
            regular = (entry / "__init__.py").is_file()
            if base == ".":
                if regular and not NOT_PACKAGES.fullmatch(entry.name):
                    yield base, entry.name
                elif entry.name == re.split(r"[-._]", name.lower())[0] and not regular:
                    dotted = name.lower().replace("-", ".")
                    if (root / dotted.replace(".", "/") / "__init__.py").is_file():
                        yield base, dotted
            elif regular or _holds_python(entry):
                yield base, entry.name


def _holds_python(folder: Path) -> bool:
    """Whether a module lies anywhere below."""
    with contextlib.suppress(RecursionError):  # of folders that nobody nests like that
        return any(name.endswith(".py") for _, _, names in os.walk(folder) for name in names)
    return False


def _choose_package(
    root: Path, chosen: str | None, name: str, found: tuple[Package, ...]
) -> Package | None:
    """The package that settings name, or the one named like the project, or the only one."""
    wanted = chosen or _underscored(name)
    beside = _existing(root, [("src", wanted), (".", wanted)])
    if not chosen:
        called = (one for one in found if _underscored(one.name) == wanted)
        only = found[0] if len({one.name for one in found}) == 1 else None
        return next(called, None) or next(beside, only)
    for package in (*found, *beside):
        if package.name == chosen:
            return package
    names = ", ".join(dict.fromkeys(package.name for package in found))
    raise ConfigurationError.of(
        f"tool.release.package names {chosen!r}, which is not below src/ or the root",
        "pyproject.toml",
        remedy=f"found: {names or 'no package'}",
    )


def _underscored(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _texts(value: Any) -> tuple[str, ...]:
    """A text or a list of texts as a tuple; anything else is empty."""
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str))


def _find_changelog(files: Files) -> str | None:
    root = files.root
    for name, key in (("towncrier", "filename"), ("scriv", "changelog")):
        told = files.tool(name).get(key)
        if isinstance(told, str) and (root / told).is_file():
            return told
    names = [entry.name for entry in sorted(root.iterdir()) if CHANGELOG_NAMES.match(entry.name)]
    there = [name for name in names if (root / name).is_file()]
    there.sort(key=lambda name: not name.lower().startswith("changelog"))
    return next(filter(None, (_followed(root, name) for name in there)), None)


def _followed(root: Path, name: str) -> str | None:
    """The file that a changelog of a few lines points to, itself for none.

    None for one that says nothing but an address where the changes are.
    """
    from release.text.sections import read

    file = root / name
    if file.stat().st_size > MOST_OF_A_POINTER:
        return name
    text = file.read_text(encoding="utf-8", errors="replace")
    if read(text, name).sections:
        return name
    paths = (match[0].removeprefix("./") for match in POINTED.finditer(text))
    there = {path for path in paths if path != name and _is_file_inside(root, path)}
    if len(there) == 1:
        return there.pop()
    own = OWN_ENTRY.search(re.sub(r"https?://\S+", "", text))
    return None if ELSEWHERE.search(text) and not own else name


def _is_file_inside(root: Path, path: str) -> bool:
    file = (root / path).resolve()
    return not Path(path).is_absolute() and file.is_relative_to(root.resolve()) and file.is_file()


def is_licence(name: str) -> bool:
    """Whether a file or a folder is named as one that holds a licence."""
    return LICENCE.fullmatch(name) is not None


def _find_dockerfile(root: Path) -> str | None:
    return next((n for n in ("Dockerfile", "Containerfile") if (root / n).is_file()), None)


def _version(
    files: Files, package: Package | None
) -> tuple[tuple[VersionPlace, ...], str | None, str, tuple[Finding, ...]]:
    """Every place that states the version, the version, where it is defined, and doubts."""
    root, by_tags = files.root, _uses_vcs(files)
    places = [*_in_pyproject(files)]
    if places and set(places[0].value) <= set("0.") and by_tags:
        places.clear()
    for path in _declared_version_files(files, package):
        places += filter(None, [_assigned_version(root, path) or _plain_version(root, path)])
    places += _of_package_json(files)
    if "version" not in files.table("project"):
        places += _of_setuptools(files, by_tags=by_tags)
    if not places and by_tags:
        return (), None, VERSION_CONTROL, ()
    for path in _package_files(package.path) if package else ():
        places += filter(None, [_assigned_version(root, path)])
        places += _version_tuples(root, path) if places else []
    stated = [*_of_bump_my_version(files)]
    if not places and not stated:
        stated = [*_older_tables(root)][:1]
    if not places and not stated:
        return (), None, unread_source(files), ()
    origin = places[0].path if places else "[tool.bumpversion]"
    if not places:  # the one place that is read defines the version
        places, stated = stated, []
    warnings: list[Finding] = []
    places += [*_citation_versions(root, warnings), *stated]
    unique = tuple({(place.path, place.line): place for place in reversed(places)}.values())[::-1]
    return unique, unique[0].value, origin, tuple(warnings)


def _in_pyproject(files: Files) -> Iterator[VersionPlace]:
    """The version of the project's table, else of poetry's."""
    for keys in (("project",), ("tool", "poetry")):
        if isinstance(value := files.table(*keys).get("version"), str):
            yield _place_in_pyproject(files, value, *keys, "version")
            return


def _of_bump_my_version(files: Files) -> Iterator[VersionPlace]:
    value = files.tool("bumpversion").get("current_version")
    if isinstance(value, str):
        yield _place_in_pyproject(files, value, "tool", "bumpversion", "current_version")


def _place_in_pyproject(files: Files, value: str, *keys: str) -> VersionPlace:
    label = f"[{'.'.join(keys[:-1])}] {keys[-1]}"
    return VersionPlace("pyproject.toml", toml.line_of(files.source, keys), value, label)


def _of_setuptools(files: Files, *, by_tags: bool) -> Iterator[VersionPlace]:
    """What setup.cfg and setup.py state themselves."""
    literal = files.cfg("metadata", "version")
    if literal and not literal.startswith(("attr:", "file:")):
        line = _line_matching(files.root, "setup.cfg", r"version\s*[=:]")
        yield VersionPlace("setup.cfg", line, literal, "[metadata] version")
    stated = setup_version(files)
    if stated and (stated[0] == PASSED or not by_tags):
        label, line, value = stated
        yield VersionPlace("setup.py", line, value, label)


def _of_package_json(files: Files) -> Iterator[VersionPlace]:
    """The version that hatch-nodejs-version reads."""
    hatch = files.tool("hatch", "version")
    path = str(hatch.get("path") or "package.json")
    if hatch.get("source") != "nodejs" or not (files.root / path).is_file():
        return
    with contextlib.suppress(ValueError, RecursionError):
        value = as_table(json.loads(read_text(files.root, path))).get("version")
        if isinstance(value, str):
            line = _line_matching(files.root, path, r'\s*"version"')
            yield VersionPlace(path, line, value, "version")


def _older_tables(root: Path) -> Iterator[VersionPlace]:
    """The version that bump-my-version is told outside pyproject.toml, which it reads first."""
    for path in (".bumpversion.cfg", "setup.cfg"):
        found = (ini.section(root / path, "bumpversion") or {}).get("current_version")
        if found:
            line = _line_matching(root, path, r"current_version\s*[=:]")
            yield VersionPlace(path, line, found, "[bumpversion] current_version")


def _uses_vcs(files: Files) -> bool:
    """Whether the version comes from version control's tags."""
    requires = _texts(files.table("build-system").get("requires"))
    names = [re.split(r"[^A-Za-z0-9._-]", item.strip(), maxsplit=1)[0] for item in requires]
    configured = {"setuptools_scm", "setuptools-git-versioning", "versioneer"} & set(files.tool())
    return bool(
        VCS_VERSION_TOOLS.intersection(map(canonicalize_name, names))
        or files.tool("pdm", "version").get("source") == "scm"
        or configured
        or "versioneer" in files.setup_cfg
        or re.search(r"use_scm_version|versioneer\.get_version|\bpbr\s*=", files.setup_py)
    )


def _declared_version_files(files: Files, package: Package | None) -> Iterator[str]:
    """Files that the configuration of a build backend names as the home of the version."""
    for name in ("hatch", "pdm"):
        yield from _texts(files.tool(name, "version").get("path"))
    dynamic = files.tool("setuptools", "dynamic", "version")
    yield from _texts(dynamic.get("file"))
    attribute = dynamic.get("attr")
    legacy = files.cfg("metadata", "version")
    if legacy.startswith("file:"):
        yield legacy.removeprefix("file:").strip()
    if legacy.startswith("attr:"):
        attribute = legacy.removeprefix("attr:").strip()
    if isinstance(attribute, str) and "." in attribute:
        module = attribute.rpartition(".")[0].replace(".", "/")
        for base in dict.fromkeys(("src", package.source_root if package else ".", ".")):
            yield f"{base}/{module}.py".removeprefix("./")
            yield f"{base}/{module}/__init__.py".removeprefix("./")
    if files.backend.startswith("flit") and package:
        yield package.path if package.path.endswith(".py") else f"{package.path}/__init__.py"


def _line_matching(root: Path, path: str, pattern: str) -> int | None:
    lines = read_text(root, path).splitlines()
    return next((n for n, line in enumerate(lines, 1) if re.match(pattern, line)), None)


def _package_files(package_path: str) -> Iterator[str]:
    if package_path.endswith(".py"):
        yield package_path
        return
    for name in ("__init__", "__about__", "_version", "__version__", "version", "about"):
        yield f"{package_path}/{name}.py"


def _assigned_version(
    root: Path, path: str, names: frozenset[str] = VERSION_NAMES, imports: int = 3
) -> VersionPlace | None:
    """The literal that a module assigns to `__version__` or `VERSION` at its top level.

    A module that imports the name from another one of its package leads there, for at most
    `imports` steps.
    """
    tree = _module(root, path)
    for assigned, value in python.assignments(tree):
        for name in sorted(assigned & names):
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return VersionPlace(path, value.lineno, value.value, name)
    for target, name in _leads(tree, PurePosixPath(path).parent, names) if imports else ():
        return _assigned_version(root, target, frozenset([name]), imports - 1)
    return None


def _leads(
    tree: ast.Module, folder: PurePosixPath, names: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """The modules of the same package that one of the names comes from, and what it is there."""
    for node in tree.body:
        if not isinstance(node, ast.ImportFrom) or node.level > 1 or not node.module:
            continue
        package, _, module = node.module.rpartition(".")
        if node.level:
            package, module = "", node.module
        elif not package or not str(folder).endswith(package.replace(".", "/")):
            continue
        for alias in node.names:
            if (alias.asname or alias.name) in names:
                yield f"{folder.joinpath(*module.split('.'))}.py", alias.name


def _version_tuples(root: Path, path: str) -> list[VersionPlace]:
    """The versions that a module has as tuples of two numbers or more, at its top level."""
    return [
        VersionPlace(path, value.lineno, ".".join(map(str, numbers)), name, len(numbers))
        for assigned, value in python.assignments(_module(root, path))
        for name in sorted(assigned & TUPLE_NAMES)
        if value is not None and (numbers := tuple_of(value))
    ]


def _module(root: Path, path: str) -> ast.Module:
    """The module of a path; an empty one where it cannot state a version."""
    data = b""
    if path.endswith(".py") and (root / path).is_file():
        file = (root / path).resolve()
        if file.is_relative_to(root) and file.stat().st_size <= MAX_DOCUMENT:
            data = file.read_bytes()
    return python.parsed(data if b"version" in data.lower() else b"")


def tuple_of(value: ast.expr) -> tuple[int, ...]:
    """The numbers of a tuple that has at least two and nothing else; none for anything else."""
    try:
        found = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ()
    plain = isinstance(found, tuple) and len(found) > 1 and all(type(n) is int for n in found)
    return tuple(found) if plain else ()


def _plain_version(root: Path, path: str) -> VersionPlace | None:
    if path.endswith(".py") or not (root / path).is_file():
        return None
    text = read_text(root, path).strip()
    return (
        VersionPlace(path, 1, text, "the whole file") if re.fullmatch(r"\S{1,64}", text) else None
    )


def _citation_versions(root: Path, warnings: list[Finding]) -> Iterator[VersionPlace]:
    path = "CITATION.cff"
    if not (root / path).is_file():
        return
    try:
        document = yaml.compose(read_text(root, path))
    except yaml.Malformed as error:
        warnings.append(Finding(str(error), path, error.line, "correct it there"))
        return
    for keys in CITED:
        if (node := yaml.scalar(document, *keys)) is not None:
            yield VersionPlace(path, node.start_mark.line + 1, node.value, ".".join(keys))
