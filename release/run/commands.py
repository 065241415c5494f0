"""A gate made of a project's own commands."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from release.errors import CannotCheck
from release.model import Finding, Gate, Judgement, Outcome
from release.project import Project
from release.project.declared import Requirements, chosen_requirements, own_modules
from release.project.detect import SEVERAL, Detected, missing_remedy
from release.run.environments import Environment, find_uv
from release.run.export import export
from release.run.inputs import Tree
from release.run.installed import project_environment
from release.run.lacks import LEFT_OUT, lacks, remedy_for, told
from release.run.processes import Completed
from release.run.shell import Shell
from release.settings import CommandSettings, OwnGateSettings
from release.text.escaping import counted

# tox would leave a file .venv in the project that names where its environment is.
TOX_OVERRIDE = "tox.venv_redirect=false"


def own_gate(name: str, settings: OwnGateSettings) -> Gate:
    """The gate that a project declares in `[tool.release.gates.NAME]`."""

    def check(project: Project, shell: Shell) -> Outcome:
        if not settings.project and not settings.install:
            return run_commands(shell, settings.run, None, settings.env)
        wanted = chosen_requirements(project, settings)
        environment = project_environment(project, shell, wanted, with_project=settings.project)
        return run_commands(shell, settings.run, environment, settings.env)

    return Gate(
        name=name,
        title=settings.title or f"{name}: the project's own commands succeed",
        check=check,
        needs=settings.needs,
        cost=2.0,
        echoes=True,
        settings="release.settings:OwnGateSettings",
    )


Judge = Callable[[Sequence[str], Completed], Judgement]
Lacking = Callable[[str, str], tuple[Finding, ...]]
# A place as linters print it: before what they say, or after an arrow below it.
PLACED = re.compile(
    r"^\s*(?:--> )?(?:\./)?(?P<path>[\w@+-][\w./@+-]*\.[A-Za-z]\w*):(?P<line>\d+)(?::\d+)?:?"
    r"(?:\s+(?:- )?(?P<said>\S.*))?$"
)
NAMED = 5
SHORT = 60
UNFORMATTED = re.compile(r"^(?:Would reformat: |would reformat )(\S+)$")


def by_status(words: Sequence[str], done: Completed) -> Judgement:
    """What a command's exit status says."""
    said = f"{' '.join(words)}: exit status {done.status}: {done.last_line}"
    remedy = "run the command by hand, or read the log"
    return Judgement.one(Finding(said, remedy=remedy) if done.status != 0 else None)


def lacking_in(project: Project, gate: str, settings: CommandSettings) -> Lacking:
    """What says whether something failed for want of what is not the project's."""
    own = own_modules(project)
    remedy = missing_remedy(project, gate, settings)

    def lacking(what: str, text: str) -> tuple[Finding, ...]:
        missing = lacks(text, own)
        others = any(" " in name for name in missing)
        more = f", or set tool.release.gates.{gate}.run to what runs here" if others else ""
        said = Finding(f"{what} needs {told(missing)}", remedy=remedy_for(missing, remedy) + more)
        return (said,) if missing else ()

    return lacking


def judge_own(
    words: Sequence[str], done: Completed, lacking: Lacking, read: Judge | None = None
) -> Judgement:
    """What is wrong with a command of the project's own, which failed for want of something else.

    `read` says what is wrong by what it printed; the findings with their places do unless given.
    """
    output = f"{done.stdout}\n{done.stderr}"
    left_out = LEFT_OUT.search(output)
    if done.status == 0 and left_out is None:
        return Judgement(1)
    missing = lacking(" ".join(words), output)
    if not missing and left_out:
        missing = (Finding(left_out[1], remedy="run it where that session can run"),)
    return Judgement(unchecked=missing) if missing else (read or by_places)(words, done)


def by_places(words: Sequence[str], done: Completed) -> Judgement:
    """The findings with their places in what linters print; without any, what the status says."""
    found: list[Finding] = []
    before = ""
    for line in f"{done.stdout}\n{done.stderr}".splitlines():
        place, unformatted = PLACED.match(line), UNFORMATTED.match(line)
        if place and (place["said"] or before):
            said = place["said"] or before
            found.append(Finding(said, place["path"], int(place["line"]), "fix it there"))
        elif unformatted:
            found.append(Finding("is not formatted", unformatted[1], remedy="format it"))
        before = line.strip() or before
    return Judgement(1, tuple(found)) if found else by_status(words, done)


def run_set(
    project: Project,
    shell: Shell,
    settings: CommandSettings,
    *,
    tools: Environment | None = None,
    wanted: Requirements | None = None,
    judge: Judge = by_status,
    folder: Path | None = None,
) -> Outcome:
    """Run the commands that settings give a built-in gate instead of its own.

    They run in `folder`, if given, and in an environment with the project and what is `wanted`, or
    what the settings name; in `tools`, where one is given and they name nothing. Detected ones that
    make an environment of their own make it outside of the project, and theirs does not hold the
    project. Those of gates for which several are detected write pages, or mend files, and so run in
    a copy; what they change of it is told.
    """
    gate = shell.gate
    if not isinstance(settings, Detected):
        wanted = wanted or chosen_requirements(project, settings)
        if tools is not None and not wanted:
            return run_commands(shell, settings.run or (), tools, settings.env, judge, folder)
        found = project_environment(project, shell, wanted, tools=gate.tools)
        return run_commands(shell, settings.run or (), found, settings.env, judge, folder)
    if wanted is None or not settings.project:
        purposes = (gate.name,) if settings.project else ()
        wanted = chosen_requirements(project, settings, *purposes)
    known = gate.tools if settings.project else ()
    found = project_environment(project, shell, wanted, tools=known, with_project=settings.project)
    env = {**own_folders(shell), **settings.env}
    if gate.name not in SEVERAL:
        return run_commands(shell, settings.run or (), found, env, judge, folder)
    folder = export(project, shell.work / "source")
    tree = Tree(folder, project.settings.by_products)
    changes = Changes(tree, advice=gate.name == "docs")
    return run_commands(shell, settings.run or (), found, env, judge, folder, changes)


class Changes:
    """What commands change of the files that they find: one that mends them ends well in any case.

    What a second run leaves as it is was mended; what each run writes is no more than noted, as is
    all of it with `advice`.
    """

    def __init__(self, tree: Tree, *, advice: bool) -> None:
        self.tree, self.advice = tree, advice
        self.first = self.seen = tree.read()

    def _since(self) -> list[str]:
        before, self.seen = self.seen, self.tree.read()
        return [path for path in self.seen.changed_since(before) if path in self.first.files]

    def judged(
        self, words: Sequence[str], again: Callable[[], object], *, well: bool = True
    ) -> Judgement:
        """What a command that ended `well` changed; `again` runs it once more."""
        changed = self._since()
        if not changed or not well:
            return Judgement()
        again()
        always = self._since()
        mended = [path for path in changed if path not in always]
        # Not spelled as sessions of this package are, which are told as the reader calls them.
        said = " ".join(words).replace("nox -s", "nox --session")
        remedy = f"run {said}, and commit the result"
        if not mended:
            remedy = "have git ignore what it writes, if it need not be in the repository"
        told = Finding(
            f"{said} {_changed(mended or changed)}", (mended or changed)[0], None, remedy
        )
        return Judgement.one(told, advice=self.advice or not mended, checked=0)


def _changed(paths: Sequence[str]) -> str:
    names = ", ".join(paths[:NAMED]) + (", …" if len(paths) > NAMED else "")
    return f"changed files ({names})" if paths[1:] else f"changed {names}"


def own_folders(shell: Shell) -> dict[str, str]:
    """Where programs keep the environments that they make, so that the project's stay as they are.

    nox, which takes no variable for that, keeps them in the .nox of where it runs. tox and
    virtualenv leave no file .venv that points there.
    """
    folder = shell.environments / f"{shell.gate.name}-own"
    names = {"TOX_WORK_DIR": "tox", "UV_PROJECT_ENVIRONMENT": "uv", "HATCH_DATA_DIR": "hatch"}
    own = {variable: str(folder / name) for variable, name in names.items()}
    return {**own, "TOX_OVERRIDE": TOX_OVERRIDE, "VIRTUALENV_NO_VENV_REDIRECT": "1"}


def _program(name: str, environment: Environment | None) -> str | Path:
    found = environment.find(name) if environment else None
    if found is None and environment and name in {"python", "python3"}:
        return environment.python
    return found or (find_uv() if name == "uv" else None) or name


def run_commands(
    shell: Shell,
    commands: Sequence[Sequence[str]],
    environment: Environment | None,
    env: Mapping[str, str],
    judge: Judge = by_status,
    folder: Path | None = None,
    changes: Changes | None = None,
) -> Outcome:
    """Run each command; the gate passes when `judge` finds nothing wrong with any of them.

    Every command is run, so that one failure does not hide the next. A program is looked for in
    the environment first, then on PATH; uv beside nox, too. They run in `folder`, the project's own
    unless given, which what is judged does not name; their `changes` of it are told.
    """
    judged = Judgement()
    for command in commands:
        words = list(command)
        call = (_program(words[0], environment), *words[1:])
        run = partial(shell.run, *call, cwd=folder, inside=environment, env=env)
        try:
            found = judge(words, run().without(f"{folder or shell.root}{os.sep}"))
            if changes is not None:
                found += changes.judged(words, run, well=not found.defects)
            judged += found
        except CannotCheck as error:
            judged += Judgement(unchecked=error.problems)
    names = " ".join(commands[0]) if len(commands) == 1 else ""
    if not 0 < len(names) < SHORT:
        names = ", ".join(dict.fromkeys(Path(words[0]).name for words in commands))
    told = counted(len(judged.advice), "suggestion") if judged.advice else "ok"
    return judged.settle(f"{names}: {told}")
