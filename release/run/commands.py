"""A gate made of a project's own commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from release.errors import CannotCheck
from release.model import Finding, Gate, Judgement, Outcome
from release.run.environments import find_uv
from release.run.processes import Completed

if TYPE_CHECKING:
    from release.project import Project
    from release.run.environments import Environment
    from release.run.shell import Shell
    from release.settings import CommandSettings, OwnGateSettings


def own_gate(name: str, settings: OwnGateSettings) -> Gate:
    """The gate that a project declares in `[tool.release.gates.NAME]`."""

    def check(project: Project, shell: Shell) -> Outcome:
        from release.project.declared import chosen_requirements
        from release.run.installed import project_environment

        if not settings.project and not settings.install:
            return run_commands(shell, settings.run, None, settings.env)
        wanted = chosen_requirements(project, settings)
        found = project_environment(project, shell, wanted, with_project=settings.project)
        env = {**found.variables(), **settings.env}
        return run_commands(shell, settings.run, found.environment, env)

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


def by_status(words: Sequence[str], done: Completed) -> Judgement:
    """What a command's exit status says."""
    said = f"{' '.join(words)}: exit status {done.status}: {done.last_line}"
    remedy = "run the command by hand, or read the log"
    return Judgement.one(Finding(said, remedy=remedy) if done.status != 0 else None)


def run_set(
    project: Project,
    shell: Shell,
    settings: CommandSettings,
    tools: Environment | None = None,
    judge: Judge = by_status,
) -> Outcome:
    """Run the commands that settings give a built-in gate instead of its own.

    They run in an environment with the project and what the settings name; in `tools`, where one is
    given and they name nothing. Detected ones that make an environment of their own make it outside
    of the project, and theirs does not hold the project.
    """
    from release.project.declared import chosen_requirements
    from release.project.detect import Detected
    from release.run.installed import project_environment

    if isinstance(settings, Detected):
        purposes = (shell.gate.name,) if settings.project else ()
        wanted = chosen_requirements(project, settings, *purposes)
        known = shell.gate.tools if settings.project else ()
        found = project_environment(
            project, shell, wanted, tools=known, with_project=settings.project
        )
        env = {**found.variables(), **_own_folders(shell), **settings.env}
        return run_commands(shell, settings.run or (), found.environment, env, judge)
    wanted = chosen_requirements(project, settings)
    if tools is not None and not wanted:
        return run_commands(shell, settings.run or (), tools, settings.env, judge)
    found = project_environment(project, shell, wanted, tools=shell.gate.tools)
    env = {**found.variables(), **settings.env}
    return run_commands(shell, settings.run or (), found.environment, env, judge)


def _own_folders(shell: Shell) -> dict[str, str]:
    """Where programs keep the environments that they make, so that the project's stay as they are.

    nox, which takes no variable for that, keeps them in .nox.
    """
    folder = shell.environments / f"{shell.gate.name}-own"
    names = {"TOX_WORK_DIR": "tox", "UV_PROJECT_ENVIRONMENT": "uv", "HATCH_DATA_DIR": "hatch"}
    return {variable: str(folder / name) for variable, name in names.items()}


def run_commands(
    shell: Shell,
    commands: Sequence[Sequence[str]],
    environment: Environment | None,
    env: Mapping[str, str],
    judge: Judge = by_status,
) -> Outcome:
    """Run each command; the gate passes when `judge` finds nothing wrong with any of them.

    Every command is run, so that one failure does not hide the next. A program is looked for in
    the environment first, then on PATH; uv beside nox, too.
    """
    judged = Judgement()
    for command in commands:
        words = list(command)
        found = environment.find(words[0]) if environment else None
        if found is None and environment and words[0] in {"python", "python3"}:
            found = environment.python
        if found is None and words[0] == "uv":
            found = find_uv()
        try:
            done = shell.run(found or words[0], *words[1:], inside=environment, env=env)
            judged += judge(words, done)
        except CannotCheck as error:
            judged += Judgement(unchecked=error.problems)
    names = ", ".join(dict.fromkeys(Path(words[0]).name for words in commands))
    return judged.settle(f"{names}: ok")
