"""The documentation builds without a warning, by the project's own commands, mkdocs or Sphinx.

Runs what the project's workflows run for that (also `make -C docs html`), or the session of its
noxfile that is named so, as `lint` does; where that fails, or Read the Docs would for a warning, it
tells the warnings. Where there is none, runs `mkdocs build --strict` where there is a mkdocs.yml,
and `sphinx -W --keep-going` where there is a conf.py in docs, doc or their folder source; where
Read the Docs is configured, as its configuration says. `folder` names another place. A project
without any of these has no documentation to build. Warnings count however the tool ends. Of
references into code that lead nowhere Sphinx warns only where conf.py sets `nitpicky`, of links to
anchors and of absolute links mkdocs where the `validation` in mkdocs.yml says so.

It is built from a copy, into a scratch folder, in an environment that holds the project and what it
declares for its documentation: the requirements, extras and groups that Read the Docs is told to
install, else those named docs, doc or documentation, or a file such as docs/requirements.txt.
A tool that these do not bring is added, pinned. Where a theme, a plugin or a module is missing from
the environment, or another project's inventory cannot be reached, the gate is unchecked, unless
other warnings block.

Blocks: a warning where the project's own builds fail for one (`strict` in mkdocs.yml, nitpicky in
conf.py, fail_on_warning of Read the Docs, -W or --strict in its procedures) or this gate has
settings (promises). Advice: a warning else, and files of the project that its own command changes.

`run` in [tool.release.gates.docs] replaces it with commands of the project's own.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os.path import normpath
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.model import Finding, Gate, Judgement, Level, Outcome
from release.project import as_table
from release.text.escaping import counted

if TYPE_CHECKING:
    from release.gates.docs.docs_build import Warnings
    from release.project import Project
    from release.project.declared import Requirements
    from release.run.environments import Environment
    from release.run.processes import Completed
    from release.run.shell import Shell
    from release.settings import CommandSettings

TOOLS = ("mkdocs", "sphinx")
MKDOCS_FILES = ("mkdocs.yml", "mkdocs.yaml")
SPHINX_FOLDERS = ("docs", "doc", "docs/source", "doc/source", "docs/src", "documentation")
READ_THE_DOCS = (".readthedocs.yaml", ".readthedocs.yml", "readthedocs.yml")
RUNNER = re.compile(r"\b(?:tox|nox)(?:\s+(?:run|r|-\w+|--[\w-]+)\b|\s*\"?,?$)")
NITPICKY = re.compile(r"^\s*(?:nitpicky\s*=\s*True|nitpick_ignore)", re.M)
STRICT_BUILD = re.compile(
    r"\bmkdocs\s+build\b.*(?:--strict\b|\s-s\b)"
    r"|\bsphinx(?:-build)?\b.*\s-\w*W|\bSPHINXOPTS\b.*-W"
)
# Pages that Sphinx and the themes of mkdocs make where nobody wrote one.
MADE_PAGES = frozenset(
    ["404.html", "genindex.html", "modindex.html", "py-modindex.html", "search.html"]
)
MADE_FOLDERS = ("_modules", "_static", "assets")


@dataclass(frozen=True, slots=True)
class Source:
    """Documentation to build: `tool` is mkdocs or sphinx, `path` its configuration file."""

    tool: str
    path: str

    @property
    def folder(self) -> str:
        return PurePosixPath(self.path).parent.as_posix()


def applies(project: Project, _level: Level | None) -> str | None:
    from release.gates.docs.settings import DocsSettings
    from release.project.detect import detect

    settings = project.settings.gates.of("docs", DocsSettings)
    if settings.run is not None or settings.folder is not None or find_sources(project):
        return None
    if detect(project, "docs") is not None:
        return None
    return "no documentation to build: no mkdocs.yml, and no conf.py in docs or doc"


def check(project: Project, shell: Shell) -> Outcome:
    from release.gates.docs.settings import DocsSettings
    from release.settings import CommandSettings

    settings = project.settings.gates.of("docs", CommandSettings)
    if settings.run is not None:
        return _run_own(project, shell, settings)
    sources = find_sources(project)
    tools = tuple(dict.fromkeys(source.tool for source in sources))
    if not sources:
        folder = project.settings.gates.of("docs", DocsSettings).folder
        raise CannotCheck(
            f"{folder} holds neither a mkdocs.yml nor a conf.py",
            "correct tool.release.gates.docs.folder",
        )
    from release.run.installed import project_environment

    found = project_environment(project, shell, wanted(project), tools=tools)
    return _build(project, shell, sources, found)


def _run_own(project: Project, shell: Shell, settings: CommandSettings) -> Outcome:
    from release.project.declared import own_modules
    from release.project.detect import missing_remedy
    from release.run.commands import by_status, judge_own, lacking_in, run_set

    own = own_modules(project)
    lacking = lacking_in(project, "docs", settings)
    remedy = missing_remedy(project, "docs", settings)
    hosted = any(
        as_table(_read_the_docs(project.root).get(t)).get("fail_on_warning") for t in TOOLS
    )

    def judged(words: Sequence[str], done: Completed) -> Judgement:
        found = read_own(f"{done.stdout}\n{done.stderr}", own, project.root, remedy)
        if found != Judgement() and (done.status or hosted):
            return found
        return judge_own(words, done, lacking, by_status)

    return run_set(project, shell, settings, wanted=wanted(project), judge=judged)


def read_own(
    output: str, own: frozenset[str], root: Path, remedy: Callable[[Iterable[str]], str]
) -> Judgement:
    """What is wrong by the warnings that a command of the project's own printed; empty for none.

    `remedy` says what to do about modules that are missing.
    """
    from release.gates.docs.docs_build import judge_output

    said = judge_output(output, own)
    found = []
    for finding in said.defects:
        path = finding.path or ""
        places = [place for place in (path, f"docs/{path}") if path and (root / place).is_file()]
        found.append(replace(finding, path=places[0] if places else None))
    return Judgement(1 if found else 0, tuple(found)) + said.unchecked("it", remedy)


def find_sources(project: Project) -> list[Source]:
    """The documentation: in the folder that is set, as Read the Docs is told, or where it lies."""
    from release.gates.docs.settings import DocsSettings

    root, folder = project.root, project.settings.gates.of("docs", DocsSettings).folder
    if folder is not None:
        candidates = [Source("mkdocs", f"{folder}/{name}") for name in MKDOCS_FILES]
        candidates.append(Source("sphinx", f"{folder}/conf.py"))
        return [source for source in candidates if (root / source.path).is_file()][:1]
    hosted = _read_the_docs(root)
    for tool in TOOLS:
        path = as_table(hosted.get(tool)).get("configuration")
        if isinstance(path, str) and _inside(root, path):
            return [Source(tool, PurePosixPath(path).as_posix())]
    found = [Source("mkdocs", name) for name in MKDOCS_FILES if (root / name).is_file()][:1]
    sphinx = [Source("sphinx", f"{name}/conf.py") for name in SPHINX_FOLDERS]
    return found + [source for source in sphinx if (root / source.path).is_file()][:1]


def wanted(project: Project) -> Requirements:
    """What the project declares for building its documentation, as its settings amend it."""
    from release.project.declared import Requirements, chosen_requirements, requirements
    from release.settings import CommandSettings

    settings = project.settings.gates.of("docs", CommandSettings)
    if settings.groups is not None or settings.extras is not None:
        return chosen_requirements(project, settings)
    declared = _hosted_requirements(project) or requirements(project, "docs")
    # Read the Docs has it in every environment.
    hosted = ("setuptools",) if _read_the_docs(project.root) else ()
    return declared | Requirements(install=(*hosted, *settings.install))


def _hosted_requirements(project: Project) -> Requirements:
    """What Read the Docs is told to install."""
    from release.project.declared import Requirements

    hosted = _read_the_docs(project.root)
    files: list[str] = []
    extras: list[str] = []
    steps = as_table(hosted.get("python")).get("install")
    for step in steps if isinstance(steps, list) else ():
        file = as_table(step).get("requirements")
        if isinstance(file, str) and _inside(project.root, file):
            files.append(file)
        more = as_table(step).get("extra_requirements")
        extras += [str(name) for name in more] if isinstance(more, list) else []
    # What runs tox or nox says what these need themselves, and not the documentation.
    build = hosted.get("build")
    text = json.dumps(build, ensure_ascii=False, skipkeys=True, indent=0, default=str)
    lines = text.replace("\\n", "\n").splitlines()
    commands = "\n".join(line for line in lines if not RUNNER.search(line))
    groups = re.findall(r"--(?:only-)?group[ =]([\w.-]+)", commands)
    extras += re.findall(r"(?:--extra[ =]|\.\[)([\w.-]+)", commands)
    return Requirements(
        groups=tuple(dict.fromkeys(groups)),
        extras=tuple(dict.fromkeys(extras)),
        files=tuple(dict.fromkeys(files)),
    )


def _read_the_docs(root: Path) -> Mapping[str, Any]:
    path = next((root / name for name in READ_THE_DOCS if (root / name).is_file()), None)
    if path is None:
        return {}
    from release.text import yaml

    try:
        return as_table(yaml.load(path.read_text(encoding="utf-8")))
    except (yaml.Malformed, UnicodeDecodeError, OSError):
        return {}


def _inside(root: Path, path: str) -> bool:
    found = (root / path).resolve()
    return found.is_file() and found.is_relative_to(root.resolve())


def _build(project: Project, shell: Shell, sources: list[Source], found: Environment) -> Outcome:
    from release.project.declared import install_remedy
    from release.run.export import export

    copy = export(project, shell.work / "source")
    remedy = functools.partial(install_remedy, project, "docs")
    judged = Judgement()
    for source in sources:
        output = shell.work / f"{source.tool}-output"
        said = _run(project, shell, source, copy, output, found)
        if said.broken is not None:
            raise CannotCheck(said.broken, "see the log")
        placed = [_placed(finding, source, copy, project.root) for finding in said.defects]
        here = Judgement(_own_pages(output), tuple(_once(placed)))
        judged += here if is_strict(project, source) else here.as_advice()
        judged += said.unchecked(source.tool, remedy)
    names = " and ".join(source.tool for source in sources)
    if not (judged.checked or judged.defects or judged.unchecked):
        reason = f"{names} made no page of the documentation"
        todo = "write one, or name its folder in tool.release.gates.docs.folder"
        judged += Judgement(unchecked=(Finding(reason, remedy=todo),))
    number = len(judged.defects + judged.advice)
    count = counted(number, "warning")
    places = ", ".join(source.path for source in sources)
    clean = f"{names}: {judged.checked} pages, {count if number else 'no warning'} ({places})"
    return judged.settle(clean, failed=f"{count} by {names}")


def is_strict(project: Project, source: Source) -> bool:
    """Whether the project promises to build without a warning: its own builds fail for one."""
    from release.gates.docs.settings import DocsSettings
    from release.project.declared import procedure_text

    text = (project.root / source.path).read_text(encoding="utf-8", errors="replace")
    own = _read_the_docs(project.root).get(source.tool)
    return bool(
        project.settings.gates.of("docs", DocsSettings).model_fields_set
        or as_table(own).get("fail_on_warning")
        or re.search(r"^strict:\s*true\b", text, re.M | re.I)
        or NITPICKY.search(text)
        or STRICT_BUILD.search(procedure_text(project))
    )


def _own_pages(output: Path) -> int:
    """How many pages there are that somebody wrote."""
    pages = (path.relative_to(output) for path in output.rglob("*.html"))
    return sum(1 for p in pages if str(p) not in MADE_PAGES and p.parts[0] not in MADE_FOLDERS)


def _once(findings: list[Finding]) -> list[Finding]:
    """Each finding once, and those without a place only where the same has none with a place."""
    placed = {finding.message for finding in findings if finding.path is not None}
    return [f for f in dict.fromkeys(findings) if f.path is not None or f.message not in placed]


def _run(
    project: Project,
    shell: Shell,
    source: Source,
    copy: Path,
    output: Path,
    found: Environment,
) -> Warnings:
    from release.gates.docs.docs_build import judge_mkdocs, judge_sphinx
    from release.gates.docs.settings import DocsSettings
    from release.project.declared import own_modules

    env = {
        "TMPDIR": str(shell.work),  # where Sphinx leaves a report when it breaks
        "NO_COLOR": "1",
        "NO_MKDOCS_2_WARNING": "1",  # of a theme's, about its future
        **project.settings.gates.of("docs", DocsSettings).env,
    }
    folder = copy / source.folder
    own = own_modules(project)
    if source.tool == "mkdocs":
        shell.screen(copy / source.path)
        done = shell.run(
            *(found.python, "-m", "mkdocs", "build", "--strict"),
            *("--config-file", PurePosixPath(source.path).name, "--site-dir", output),
            cwd=folder,
            inside=found,
            env=env,
        )
        return judge_mkdocs(done.status, f"{done.stderr}\n{done.stdout}", own)
    warnings = shell.work / "warnings.txt"
    options = ["-W", "--keep-going", "-T", "--no-color", "-b", "html"]
    done = shell.run(
        *(found.python, "-m", "sphinx", *options),
        *("-d", shell.work / "doctrees", "-w", warnings, ".", output),
        cwd=folder,
        inside=found,
        env=env,
    )
    text = warnings.read_text(encoding="utf-8", errors="replace") if warnings.is_file() else ""
    return judge_sphinx(done.status, text, done.stderr, own)


def _placed(finding: Finding, source: Source, copy: Path, root: Path) -> Finding:
    """A finding with its place as seen from the project, and no path of the copy in its text."""
    from release.gates.docs.docs_build import link_target

    message = finding.message.replace(f"{copy}/", "").replace(f"{root}/", "")
    if finding.path is None:
        return replace(finding, message=message)
    folders = [copy / source.folder]
    if source.tool == "mkdocs":  # which names pages as seen from its folder of documents
        folders.insert(0, folders[0] / docs_dir(copy / source.path))
    places = [Path(normpath(folder / finding.path)) for folder in folders]
    path = next((place for place in places if place.is_file()), places[-1])
    line = finding.line
    if line is None and (target := link_target(finding.message)):
        line = _line_with(path, target)
    inside = (path.relative_to(top) for top in (copy, root) if path.is_relative_to(top))
    place = next((found.as_posix() for found in inside), None) if path.is_file() else None
    return replace(finding, message=message, path=place, line=line if place else None)


def docs_dir(configuration: Path) -> str:
    """mkdocs's folder of documents, as its configuration file names it."""
    from release.text import yaml

    try:
        node = yaml.scalar(yaml.compose(configuration.read_text("utf-8", "replace")), "docs_dir")
    except yaml.Malformed:
        node = None
    return str(node.value) if node is not None else "docs"


def _line_with(path: Path, target: str) -> int | None:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return None
    return next((number for number, line in enumerate(lines, 1) if target in line), None)


GATE = Gate(
    name="docs",
    title="the documentation builds without a warning",
    check=check,
    applies=applies,
    tools=TOOLS,
    cost=6.0,
    order=120,
    settings="release.gates.docs.settings:DocsSettings",
    defects="release.gates.docs.defects:DEFECTS",
)
