"""Changelogs that a tool collects from fragments: towncrier, scriv, changie and reno."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from release.errors import ConfigurationError
from release.model import Finding
from release.project import Project, as_list, as_table, read_text
from release.text import ini, toml, yaml
from release.text.toml import table_at

CHANGIE = (".changie.yaml", ".changie.yml")
RENO = ("releasenotes/config.yaml", "reno.yaml")
COMPUTED = ("command:", "file:", "literal:")  # what scriv would look up before it writes
CHANGIE_FIELDS = ("{{.Version}}", "{{.VersionNoPrefix}}", "{{config.VersionExt}}")
FILLED = ("{", "%(")  # what a tool or configparser fills in
WILD = frozenset("*?[\\")  # of a glob: what it finds may be a link, which .. leads up from
SCRIV_PLACES = ("changelog", "output_file", "fragment_directory")


@dataclass(frozen=True, slots=True)
class Fragments:
    """A changelog that a tool collects from fragments, which lie in `folders`.

    `commands` write it, with {version} and {date} in their words; `writes` are globs of what they
    may change, the changelog first. Both are empty where the tool reads tags and writes no file.
    """

    tool: str
    folders: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def changelog(self) -> str | None:
        return self.writes[0] if self.writes else None

    def there(self, root: Path) -> list[str]:
        """The paths of the fragments that are there."""
        files = {file for name in self.folders for file in (root / name).rglob("*.*")}
        own = (file for file in files if file.is_file() and not _is_furniture(file.name))
        return sorted(file.relative_to(root).as_posix() for file in own)


def _is_furniture(name: str) -> bool:
    """Whether a file beside the fragments is none: a template, a hint, the tool's settings."""
    lowered = name.lower()
    return lowered.startswith((".", "_", "readme", "template", "new_fragment")) or lowered.endswith(
        (".j2", ".jinja", ".jinja2", ".ini", ".tpl.md")
    )


def fragments(project: Project) -> Fragments | None:
    """The tool that collects the project's changelog from fragments, None where it uses none.

    towncrier is told by [tool.towncrier] or towncrier.toml, scriv by [tool.scriv], a [scriv]
    section in setup.cfg or tox.ini, or changelog.d/scriv.ini, changie by .changie.yaml, and reno by
    its folder where there is no changelog beside it. Raises ConfigurationError when the tool would
    write, or remove fragments, outside the repository.
    """
    readers = (_read_towncrier, _read_scriv, _read_changie, _read_reno)
    return next(filter(None, (read(project) for read in readers)), None)


def _read_towncrier(project: Project) -> Fragments | None:
    if (project.root / "towncrier.toml").is_file():
        data = toml.read(read_text(project.root, "towncrier.toml"), "towncrier.toml")
        table = table_at(data, "tool", "towncrier")
    elif project.configures("towncrier"):
        table = project.tool("towncrier")
    else:
        return None
    news = str(table.get("filename") or "NEWS.rst")
    folder = str(table.get("directory") or "")
    _require_inside(project, "towncrier", _towncrier_places(project, table, news, folder))
    folders = (
        (folder,) if folder else (f"{project.package_path or ''}/newsfragments", "newsfragments")
    )
    command = ["towncrier", "build", "--yes", "--version", "{version}", "--date", "{date}"]
    title = table.get("title_format")
    if isinstance(title, str) and "{name}" not in title and not table.get("name"):
        command += ["--name", project.name]  # or it would import the package to ask for it
    return _collected("towncrier", folders, (tuple(command),), news)


def _towncrier_places(
    project: Project, table: Mapping[str, Any], news: str, folder: str
) -> Iterator[tuple[str, str]]:
    if table.get("single_file") is False:  # fields are filled in: a link may bear that name
        above, slash, file = news.rpartition("/")
        file = file.replace("{version}", "0").replace("{project_date}", "0")
        news = f"{above}{slash}{file}".replace("{name}", str(table.get("name") or project.name))
    yield "filename", news
    base = Path(folder or Path(*(str(table.get(key) or "") for key in ("package_dir", "package"))))
    yield "directory", folder or base.as_posix()
    for section in as_list(table.get("section")):
        yield "section path", (base / str(as_table(section).get("path") or "")).as_posix()


def _read_scriv(project: Project) -> Fragments | None:
    """scriv reads several files, the last of which that speaks of a setting is heeded."""
    tables = [*_scriv_section(project, "setup.cfg"), *_scriv_section(project, "tox.ini")]
    tables += [project.tool("scriv")] if project.configures("scriv") else []
    folder = _last(tables, "fragment_directory", "changelog.d")
    if _objection(project, folder) is None:
        tables += _scriv_section(project, f"{folder}/scriv.ini")
    if not tables:
        return None
    form = _last(tables, "format", "rst")
    news = f"CHANGELOG.{form}"
    places = [("fragment_directory", folder), ("changelog", news)]
    for table in tables:
        said = ((name, str(table[name])) for name in SCRIV_PLACES if name in table)
        places += [(name, place.replace("${config:format}", form)) for name, place in said]
    _require_inside(project, "scriv", places)
    _judge_commands(tables)
    news = _last(tables, "changelog", _last(tables, "output_file", news))
    folder = _last(tables, "fragment_directory", folder)
    return _collected("scriv", (folder,), (("scriv", "collect", "--version", "{version}"),), news)


def _scriv_section(project: Project, name: str) -> list[Mapping[str, Any]]:
    if not (project.root / name).is_file():
        return []
    found = ini.loads(read_text(project.root, name), name)
    return [found[section] for section in ("scriv", "tool.scriv") if section in found][:1]


def _read_changie(project: Project) -> Fragments | None:
    """changie keeps a file for each version, by which its own spelling of versions is told."""
    name = next((n for n in CHANGIE if (project.root / n).is_file()), None)
    if name is None:
        return None
    table = _yaml_table(project, name)
    folder = str(table.get("changesDir") or ".changes")
    news = str(table.get("changelogPath") or "CHANGELOG.md")
    unreleased = f"{folder}/{table.get('unreleasedDir') or 'unreleased'}"
    _require_inside(project, "changie", _changie_places(name, table, folder, unreleased))
    prefix = "v" if any((project.root / folder).glob("v[0-9]*")) else ""
    commands = (("changie", "batch", f"{prefix}{{version}}"), ("changie", "merge"))
    made = _collected("changie", (unreleased,), commands, news)
    return replace(made, writes=(*made.writes, f"{folder}/**", *_replaced(name, table)))


def _read_reno(project: Project) -> Fragments | None:
    """reno tells by tags which notes are of a release: it writes no file, and the notes stay."""
    name = next((n for n in RENO if (project.root / n).is_file()), None)
    table = _yaml_table(project, name) if name else {}
    folder = f"releasenotes/{table.get('notesdir') or 'notes'}"
    there = project.changelog is None and (project.root / folder).is_dir()
    return Fragments("reno", (folder,)) if there else None


def _collected(
    tool: str, folders: tuple[str, ...], commands: tuple[tuple[str, ...], ...], news: str
) -> Fragments:
    # git says no ./ at the start, nor a slash at the end.
    places = [Path(name).as_posix() for name in (news, *folders)]
    return Fragments(tool, folders, commands, (places[0], *(f"{one}/**" for one in places[1:])))


def _require_inside(project: Project, tool: str, places: Iterable[tuple[str, str]]) -> None:
    """Raise ConfigurationError for each setting by which a tool would write elsewhere."""
    problems = [
        Finding(
            f"{tool}'s {name} = {place!r} {problem}, and {tool} writes there",
            "pyproject.toml" if project.configures(tool) else "",
            remedy="name a place inside the repository, relative to the project",
        )
        for name, place in places
        if (problem := _objection(project, place))
    ]
    if problems:
        raise ConfigurationError(*problems)


def _objection(project: Project, place: str) -> str | None:
    """What is wrong with a place that a tool writes to; None for nothing."""
    if place.startswith(COMPUTED) or any(mark in place for mark in FILLED):
        return "is known only when it runs"
    top = (project.git.top if project.git else project.root).resolve()
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        path = (project.root / place).resolve()
        by_link = ".." in Path(place).parts and set(place) & WILD
        kept = any(part.lower() == ".git" for part in path.parts[len(top.parts) :])
        if path.is_relative_to(top) and not (Path(place).is_absolute() or by_link or kept):
            return None
    return "leads out of the repository"


def _judge_commands(tables: Iterable[Mapping[str, Any]]) -> None:
    """Raise ConfigurationError for each setting that scriv asks a shell for, in a dry run too.

    The version is not: scriv is told it.
    """
    problems = [
        Finding(
            f"scriv's {name} = {value!r} may run a command",
            remedy="write down what it says, and let tool.release.bump.run name the command",
        )
        for table in tables
        for name, value in table.items()
        if isinstance(value, str) and name != "version"
        if value.startswith("command:") or FILLED[1] in value
    ]
    if problems:
        raise ConfigurationError(*problems)


def _last(tables: Iterable[Mapping[str, Any]], name: str, usual: str) -> str:
    """What the last of the tables says that speaks of it."""
    return next((str(one[name]) for one in reversed([*tables]) if one.get(name)), usual)


def _changie_places(
    file: str, table: Mapping[str, Any], folder: str, unreleased: str
) -> Iterator[tuple[str, str]]:
    """What changie writes, and what it removes: the headers of a version among it."""
    yield from (("changesDir", folder), ("unreleasedDir", unreleased))
    yield "headerPath", f"{folder}/{table.get('headerPath') or ''}"
    for key in ("versionHeaderPath", "versionFooterPath"):
        yield key, f"{unreleased}/{table.get(key) or ''}"
    for key in ("versionExt", "versionFileFormat"):
        text = str(table.get(key) or "")
        for field in CHANGIE_FIELDS:
            text = text.replace(field, "0")
        yield key, f"/{text.lstrip('/')}" if "/" in text else text
    projects = [as_table(one) for one in _listed(file, table, "projects")]
    yield from (("project", f"{folder}/{one.get('key') or ''}") for one in projects)
    for one in (table, *projects):
        yield (
            "changelogPath",
            str(one.get("changelogPath") or one.get("changelog") or "CHANGELOG.md"),
        )
        yield from (("replacements", path) for path in _replaced(file, one))


def _replaced(file: str, table: Mapping[str, Any]) -> list[str]:
    paths = (as_table(one).get("path") for one in _listed(file, table, "replacements"))
    return [path for path in paths if isinstance(path, str)]


def _listed(file: str, table: Mapping[str, Any], key: str) -> list[Any]:
    listed = table.get(key) or []
    if not isinstance(listed, list):
        raise ConfigurationError.of(
            f"{key} is {listed!r}, not a list", file, remedy="write each as an item, after a dash"
        )
    return listed


def _yaml_table(project: Project, name: str) -> Mapping[str, Any]:
    try:
        return as_table(yaml.load(read_text(project.root, name)))
    except yaml.Malformed as error:
        raise ConfigurationError.of(str(error), name, error.line, "correct it") from None
