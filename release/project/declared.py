"""What a project declares about its own checks: tools, what they need, and where the tests are."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from release.project import Project, as_list, as_table
from release.project.behind import tool_table
from release.text import ini, python, yaml
from release.text.versions import poetry_range

if TYPE_CHECKING:
    from release.settings import CommandSettings

GROUP_NAMES = {
    "test": ("test", "tests", "testing", "pytest", "unittest"),
    "typecheck": ("typing", "types", "typecheck", "type-check", "type", "mypy", "pyright"),
    "lint": ("lint", "linting", "linter", "style", "qa"),
    "docs": ("docs", "doc", "documentation", "sphinx", "mkdocs", "rtd", "readthedocs"),
    "static_analysis": ("security", "bandit"),
}
TOOLS = {
    "test": ("pytest",),
    "typecheck": ("mypy", "pyright", "basedpyright"),
    "lint": ("ruff", "flake8", "pylint"),
    "docs": ("mkdocs", "sphinx"),
    "static_analysis": ("bandit",),
}
FALLBACK_GROUPS = ("dev", "develop", "development", "all-dev")
# By the name of a purpose: files of requirements for it.
REQUIREMENT_FILES = (
    "requirements-{0}.txt", "requirements_{0}.txt", "{0}-requirements.txt", "{0}_requirements.txt",
    "requirements/{0}.txt", "requirements/requirements-{0}.txt", "{0}/requirements.txt",
    "{0}/requirements-{0}.txt", "{0}/requirements_{0}.txt", "{0}/source/requirements.txt",
)  # fmt: skip
# Files in which projects write down how they are checked.
PROCEDURE_FILES = (
    ".pre-commit-config.yaml", "prek.toml", "tox.ini", "tox.toml", "noxfile.py", "Makefile",
    "makefile", "justfile", "Justfile", "Taskfile.yml", "tasks.py", "hatch.toml", "CONTRIBUTING.md",
    "CONTRIBUTING.rst", "setup.cfg", "pyproject.toml", "requirements.txt", ".github/workflows",
    "scripts", "ci",
)  # fmt: skip
# By module: distributions that are called otherwise.
DISTRIBUTIONS = {
    "attr": "attrs", "bs4": "beautifulsoup4", "Crypto": "pycryptodome", "cv2": "opencv-python",
    "dateutil": "python-dateutil", "dotenv": "python-dotenv", "git": "GitPython",
    "google": "protobuf", "jwt": "PyJWT", "material": "mkdocs-material",
    "mkdocstrings": "mkdocstrings[python]", "OpenSSL": "pyOpenSSL", "PIL": "pillow",
    "pkg_resources": "setuptools<82",  # which has dropped it
    "pymdownx": "pymdown-extensions", "pytestqt": "pytest-qt", "serial": "pyserial",
    "sklearn": "scikit-learn", "yaml": "PyYAML", "zmq": "pyzmq",
}  # fmt: skip
LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
LARGEST_PROCEDURE = 500_000
TEST_FOLDER = re.compile(r"(tests?|testing)([_-]\w+)?", re.I)


@dataclass(frozen=True, slots=True)
class Requirements:
    """What must be installed beside the project; `install` are plain requirements."""

    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    install: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(astuple(self))

    def __or__(self, other: Requirements) -> Requirements:
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Requirements(*(tuple(dict.fromkeys(mine + theirs)) for mine, theirs in pairs))


def requirements(project: Project, purpose: str) -> Requirements:
    """The requirements that a project declares for a gate's `purpose`, such as "test".

    Looked for as dependency groups (PEP 735), extras, the tables of poetry, pdm, hatch and uv,
    requirement files of the usual names and tox environments. Those named for the purpose come
    first, then a group or extra that holds its tool (such as pytest), then those named for
    development. Empty when it declares none.
    """
    tables = named_tables(project)
    found = _called(project, tables, GROUP_NAMES[purpose])
    if purpose == "test":
        found |= _from_tox(project)
    return found or _holding(tables, TOOLS[purpose]) or _called(project, tables, FALLBACK_GROUPS)


def chosen_requirements(
    project: Project, settings: CommandSettings, *purposes: str
) -> Requirements:
    """What a gate installs: what its settings name, else what the project declares.

    `groups` and `extras` of the settings stand in for what is declared for `purposes` of that
    kind, and for requirement files and tables of build tools; `install` is added.
    """
    found = Requirements()
    for purpose in purposes:
        found |= requirements(project, purpose)
    if settings.groups is not None or settings.extras is not None:
        found = Requirements(
            found.groups if settings.groups is None else settings.groups,
            found.extras if settings.extras is None else settings.extras,
        )
    return found | Requirements(install=settings.install)


def install_remedy(project: Project, gate: str, modules: Iterable[str]) -> str:
    """What to do about modules that are missing from a gate's environment.

    Of `install`, which adds to what is there: `groups` and `extras` would take its place.
    """
    listed = {requirement_name(item): item for t in named_tables(project) for item in t.items}
    wanted = list(getattr(project.settings.gates.tables.get(gate), "install", ()))
    guessed = []
    for module in modules:
        top = module.partition(".")[0]
        name = DISTRIBUTIONS.get(top, canonicalize_name(top))
        known = listed.get(requirement_name(name), "").partition(";")[0].strip()
        wanted.append(known or name)
        guessed += [top] if top.isidentifier() and not (known or top in DISTRIBUTIONS) else []
    names = ", ".join(f'"{name}"' for name in dict.fromkeys(wanted))
    said = f"set install = [{names}] in [tool.release.gates.{gate}]"
    return f"{said} (or what brings {', '.join(guessed)} by another name)" if guessed else said


@dataclass(frozen=True, slots=True)
class RequirementList:
    """A named list of requirements: kind is "group", "extra" or "tool" (a build tool's table)."""

    kind: str
    name: str
    items: tuple[str, ...]
    extras: tuple[str, ...] = ()


def named_tables(project: Project) -> list[RequirementList]:
    """Every named list of requirements for development that the project has, in its own order."""
    return [*_standard_lists(project), *_lists_of_tools(project)]


def _standard_lists(project: Project) -> Iterator[RequirementList]:
    """Dependency groups and extras."""
    yield from _lists("group", project.pyproject.get("dependency-groups"))
    metadata = as_table(project.pyproject.get("project"))
    yield from _lists("extra", metadata.get("optional-dependencies"))
    if not metadata:
        yield from _lists("extra", project.tool("poetry").get("extras"))
        legacy = ini.section(project.root / "setup.cfg", "options.extras_require") or {}
        yield from _lists("extra", {name: items.split("\n") for name, items in legacy.items()})


def _lists_of_tools(project: Project) -> Iterator[RequirementList]:
    """Those of poetry, uv, pdm and hatch."""
    poetry = project.tool("poetry")
    for name, table in as_table(poetry.get("group")).items():
        yield RequirementList("tool", name, (*_poetry(as_table(table).get("dependencies")),))
    old = (*_poetry(poetry.get("dev-dependencies")),)
    old += (*_strings(project.tool("uv").get("dev-dependencies")),)
    if old:
        yield RequirementList("tool", "dev", old)
    yield from _lists("tool", project.tool("pdm").get("dev-dependencies"))
    for name, found in as_table(tool_table(project, "hatch.toml", "hatch").get("envs")).items():
        table = as_table(found)
        items = (*_strings(table.get("dependencies")), *_strings(table.get("extra-dependencies")))
        name = {"hatch-test": "test", "default": "dev"}.get(name, name)
        yield RequirementList("tool", name, items, (*_strings(table.get("features")),))


def _lists(kind: str, table: Any) -> Iterator[RequirementList]:
    for name, items in as_table(table).items():
        yield RequirementList(kind, name, (*_strings(items),))


def _called(
    project: Project, tables: Iterable[RequirementList], names: Iterable[str]
) -> Requirements:
    """The lists among `tables` that are called so, and the files that the project has."""
    wanted = {canonicalize_name(name) for name in names}
    found = Requirements(files=_files(project, names))
    for table in tables:
        if canonicalize_name(table.name) in wanted:
            found |= _require(table)
    return found


def _files(project: Project, names: Iterable[str]) -> tuple[str, ...]:
    """The files of requirements that are called so."""
    paths = (form.format(name) for form in REQUIREMENT_FILES for name in names)
    return tuple(path for path in paths if (project.root / path).is_file())


def _holding(tables: Sequence[RequirementList], tools: Sequence[str]) -> Requirements:
    """The shortest list that holds one of `tools`; dependency groups before the rest."""
    fitting = [t for t in tables if any(requirement_name(item) in tools for item in t.items)]
    chosen = [table for table in fitting if table.kind != "extra"] or fitting
    return _require(min(chosen, key=lambda table: len(table.items))) if chosen else Requirements()


def _require(table: RequirementList) -> Requirements:
    if table.kind == "group":
        return Requirements(groups=(table.name,))
    if table.kind == "extra":
        return Requirements(extras=(table.name,))
    return Requirements(install=table.items, extras=table.extras)


def requirement_name(requirement: str) -> str:
    """The normalised name of the distribution that a requirement asks for."""
    return canonicalize_name(re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0])


def _from_tox(project: Project) -> Requirements:
    """What tox.ini installs for its test environments: plain lines of `deps`, and `extras`."""
    found = Requirements()
    for section in ("testenv", "testenv:test", "testenv:tests", "testenv:pytest"):
        table = ini.section(project.root / "tox.ini", section) or {}
        lines = [line.partition(" #")[0].strip() for line in table.get("deps", "").splitlines()]
        lines = [re.sub(r"^(tests?|pytest):\s*", "", line) for line in lines]
        install, files = [], []
        for line in lines:
            if match := re.fullmatch(r"-r\s*(?:\{toxinidir\}/)?([\w./-]+)", line):
                if (project.root / match[1]).is_file():
                    files.append(match[1])
            elif re.match(r"[A-Za-z0-9][\w.-]*(\[[^\]]*\])?\s*([<>=!~;].*)?$", line):
                install.append(line)
        extras = re.findall(r"[\w.-]+", table.get("extras", ""))
        groups = re.findall(r"^[\w.-]+$", table.get("dependency_groups", ""), re.M)
        found |= Requirements(
            groups=tuple(
                g for g in groups if g in as_table(project.pyproject.get("dependency-groups"))
            ),
            extras=tuple(extras),
            files=tuple(files),
            install=tuple(install),
        )
    return found


def _strings(items: Any) -> Iterator[str]:
    for item in items if isinstance(items, list | tuple) else ():
        if isinstance(item, str) and not item.startswith("-") and "{" not in item:
            yield item


def _poetry(table: Any) -> Iterator[str]:
    """Requirements of a poetry table, with its caret and tilde ranges spelled by PEP 440."""
    for name, value in as_table(table).items():
        if name == "python":
            continue
        if isinstance(value, list):
            value = value[0] if value else "*"
        extras = ""
        if isinstance(value, Mapping):
            if "path" in value or "git" in value or "url" in value or value.get("optional"):
                continue
            extras = f"[{','.join(_strings(value.get('extras')))}]" if value.get("extras") else ""
            value = value.get("version", "*")
        yield f"{name}{extras}{poetry_range(str(value)) or ''}"


def procedure_text(project: Project) -> str:
    """The text of every file that says how the project is checked, one after the other."""
    names = (*GROUP_NAMES["test"], *GROUP_NAMES["typecheck"], *FALLBACK_GROUPS)
    texts = []
    for name in (*PROCEDURE_FILES, *_files(project, names)):
        path = project.root / name
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            try:
                inside = file.resolve().is_relative_to(project.root)
                if inside and file.is_file() and file.stat().st_size < LARGEST_PROCEDURE:
                    texts.append(file.read_text(encoding="utf-8", errors="replace"))
            except (OSError, RuntimeError):  # the latter is a link that leads to itself
                continue
    return "\n".join(texts)


def pinned(text: str, tool: str) -> str | None:
    """The exact version of a tool that procedure files name: `tool==1.2`, or a hook's revision."""
    names = rf"(?:mirrors-{re.escape(tool)}|{re.escape(tool)}-pre-commit)"
    frozen = r"[0-9a-f]{40}[\"']?\s*#\s*(?:frozen:\s*)?"
    hook = rf"{names}(?:\.git)?[\"']?\s*\n\s*rev:\s*[\"']?(?:{frozen})?v?(\d[\d.]*)(?![\w.])"
    for pattern in (rf"(?<![\w-]){re.escape(tool)}==(\d[\w.]*)", hook):
        versions = set(re.findall(pattern, text))
        if len(versions) == 1:
            return str(versions.pop())
    return None


def locked(project: Project, tool: str) -> str | None:
    """The version of a tool in the project's lock file (uv's, poetry's, pdm's, or PEP 751's)."""
    pattern = re.compile(rf'^name = "{re.escape(tool)}"\r?\nversion = "([^"]+)"', re.M)
    for name in LOCK_FILES:
        try:
            text = (project.root / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        versions = set(pattern.findall(text))
        if len(versions) == 1:
            return str(versions.pop())
    return None


def ranges(project: Project, tool: str) -> tuple[str, ...]:
    """The version ranges (PEP 440, without markers) in which the project's lists name a tool."""
    found = []
    for table in named_tables(project):
        for item in table.items:
            if requirement_name(item) == tool:
                bare = item.partition(";")[0]
                found.append(re.sub(r"^[^<>=!~(]*\(?|\)\s*$|\s", "", bare))
    return tuple(dict.fromkeys(filter(None, found)))


def exact_version(project: Project, text: str, tool: str, demanded: str = "") -> str | None:
    """The one version of a tool that the project wants; None when several, or any, would do.

    `text` is its procedure text, `demanded` what the tool's own configuration says of its version.
    """
    said = re.fullmatch(r"\s*(?:==)?\s*(\d[\w.]*)\s*", demanded)
    return said[1] if said else pinned(text, tool) or locked(project, tool)


def own_version(
    project: Project, text: str, tool: str, ours: str, demanded: str = ""
) -> str | None:
    """The requirement for the version of a tool that the project wants instead of `ours`.

    None when it wants no certain one, or `ours` is what it wants. The rest is as above.
    """
    exact = exact_version(project, text, tool, demanded)
    if exact is not None:
        return None if exact == ours else f"{tool}=={exact}"
    for item in (*ranges(project, tool), demanded):
        if not allows(item, ours):
            return f"{tool}{item}"
    return None


def allows(ranges: str, version: str) -> bool:
    """Whether version ranges (PEP 440) hold a version; what makes no sense rules out none."""
    try:
        return SpecifierSet(ranges).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook of .pre-commit-config.yaml: what is installed for it, and its arguments if set."""

    requirements: tuple[str, ...]
    arguments: tuple[str, ...] | None


def hook(project: Project, name: str) -> Hook | None:
    """The pre-commit hook of that name, None when the project has no such one."""
    path = project.root / ".pre-commit-config.yaml"
    if not path.is_file():
        return None
    try:
        data = yaml.load(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return None
    for repository in as_list(as_table(data).get("repos")):
        for entry in as_list(as_table(repository).get("hooks")):
            if as_table(entry).get("id") != name:
                continue
            items = [str(item) for item in as_list(entry.get("additional_dependencies"))]
            arguments = entry.get("args")
            if as_table(repository).get("repo") == "local":  # no manifest adds arguments to it
                _, _, rest = str(entry.get("entry")).partition(name)
                arguments = [*rest.split(), *as_list(arguments)]
            return Hook(
                tuple(item for item in items if not item.startswith((".", "-", "/"))),
                tuple(map(str, arguments)) if isinstance(arguments, list) else None,
            )
    return None


def test_folders(project: Project) -> tuple[str, ...]:
    """Where the project's tests are: folders or files below the root that hold Python tests."""
    inside = {project.root, project.root / "src"}
    if project.package_path and not project.package_path.endswith(".py"):
        inside.add(project.root / project.package_path)
    found = [
        folder.relative_to(project.root).as_posix()
        for parent in sorted(inside)
        for folder in (sorted(parent.iterdir()) if parent.is_dir() else ())
        if TEST_FOLDER.fullmatch(folder.name)
        and folder.is_dir()
        and any(_is_test(path) for path in folder.rglob("*.py"))
    ]
    if not found:
        found = [path.name for path in sorted(project.root.glob("*.py")) if _is_test(path)]
    return tuple(found)


def own_modules(project: Project) -> frozenset[str]:
    """Top-level modules that belong to the project, its test folders included."""
    names = {name.partition(".")[0] for name in project.packages}
    for folder in (project.root, project.root / project.source_root):
        if folder.is_dir():
            names |= {
                path.stem for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"
            }
    return frozenset(names | {"tests", "test", "conftest"})


def absent_imports(project: Project, site_packages: Sequence[Path]) -> dict[str, set[str]]:
    """Files of the project whose meaning hangs on modules that are installed nowhere.

    Maps each such file, relative to the root, to those modules: what it imports itself, and what
    the project's own modules that it imports do, however far. Imports below a test of the Python
    version or the platform do not count. Only files below the source root and the test folders
    are looked at.
    """
    known = own_modules(project) | sys.stdlib_module_names | {"__future__", "_typeshed"}
    for folder in site_packages:
        known |= {entry.name.partition(".")[0].removesuffix("-stubs") for entry in folder.iterdir()}
    imports: dict[str, set[str]] = {}
    modules: dict[str, str] = {}
    for top in (project.package_path or "", *test_folders(project)):
        start = project.root / top
        for file in [start] if start.is_file() else sorted(start.rglob("*.py")):
            path = file.relative_to(project.root).as_posix()
            source = project.root / project.source_root
            base = source if file.is_relative_to(source) else project.root
            package = file.parent.relative_to(base).parts
            imports[path] = _imported(file, package)
            module = package if file.name == "__init__.py" else (*package, file.stem)
            modules[".".join(module)] = path
    absent = {
        path: {name.partition(".")[0] for name in names} - known for path, names in imports.items()
    }
    edges = {
        path: {modules[own] for name in names for own in _module_of(name, modules)}
        for path, names in imports.items()
    }
    changed = True
    while changed:
        changed = False
        for path, targets in edges.items():
            more: set[str] = set().union(*(absent[target] for target in targets))
            if not more <= absent[path]:
                absent[path] |= more
                changed = True
    return {path: names for path, names in absent.items() if names}


def _module_of(name: str, modules: Container[str]) -> list[str]:
    """The module that a name is, or else is of, where it is one of these."""
    return [one for one in (name, name.rpartition(".")[0]) if one in modules][:1]


def _imported(file: Path, package: tuple[str, ...]) -> set[str]:
    """The dotted names that a file of this package imports."""
    found: set[str] = set()
    try:
        waiting: list[ast.AST] = [python.parsed(file.read_bytes())]
    except OSError:
        waiting = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = (*above, *([node.module] if node.module else []))
            if above or not node.level:  # or it leads out of what is imported
                found |= {".".join((*base, alias.name)) for alias in node.names}
        elif isinstance(node, ast.If) and re.search(
            r"version_info|platform|os\.name", ast.unparse(node.test)
        ):
            continue
        waiting.extend(ast.iter_child_nodes(node))
    return found


def _is_test(path: Path | PurePosixPath) -> bool:
    return path.name.startswith(("test_", "tests")) or path.stem.endswith("_test")
