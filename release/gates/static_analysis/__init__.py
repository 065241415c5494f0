"""No dangerous code in the package, by the project's own commands, bandit or ruff's S rules.

Runs what the project's workflows run for that, or the session of its noxfile that is named so, as
`lint` does. Where there is none, runs bandit over the import package, without the tests that lie in
it. Findings of at least medium severity and medium confidence are told; the lesser ones are
counted. `severity` is another least one ("low", "medium", "high"). The project's own configuration
is heeded: [tool.bandit], a bandit.yaml, a .bandit file, and what the arguments of its pre-commit
hook name, -l, -ll and -lll among them. `baseline` is a report of bandit's (`bandit -f json`), whose
findings are accepted; `# nosec` comments are respected and counted. A file that bandit cannot judge
leaves the gate unchecked, unless it found something elsewhere.

Blocks: what it finds where the project configures bandit, runs it as a hook, or sets `tool`,
`baseline` or `severity` (promises). Advice: what it finds else.

With `tool = "ruff"` it runs ruff's S rules instead, but for those that the configuration ignores.
Where ruff's configuration selects them anyway, and nothing configures bandit, `lint` judges them
and this gate does not apply.

`run` in [tool.release.gates.static_analysis] replaces it with commands of the project's own.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.model import Gate, Judgement, Level, Outcome
from release.run.processes import PARSER_MEMORY
from release.text.escaping import counted

if TYPE_CHECKING:
    from release.gates.static_analysis.settings import StaticAnalysisSettings
    from release.gates.static_analysis.static_findings import Analysis
    from release.project import Project
    from release.run.shell import Shell

CONFIGURATIONS = ("bandit.yaml", "bandit.yml", ".bandit.yaml", ".bandit.yml")
INI = ".bandit"
# As bandit's own default, which naming any replaces.
EXCLUDED = (".svn", "CVS", ".bzr", ".hg", ".git", "__pycache__", ".tox", ".eggs", "*.egg")
CLEAN, FOUND = 0, 1  # of bandit and of ruff


def _settings(project: Project) -> StaticAnalysisSettings:
    from release.gates.static_analysis.settings import StaticAnalysisSettings

    return project.settings.gates.of("static_analysis", StaticAnalysisSettings)


def applies(project: Project, _level: Level | None) -> str | None:
    from release.project.detect import detect
    from release.settings import CommandSettings

    settings = _settings(project)
    own = (settings.run, project.settings.gates.of("lint", CommandSettings).run)
    if own != (None, None) or detect(project, "static_analysis") is not None:
        return None
    if settings.tool == "bandit" and ("tool" in settings.model_fields_set or _options(project)):
        return None
    from release.gates.lint import read_configuration

    if selects_security(read_configuration(project) or {}):
        return "lint judges ruff's S rules, which the project selects"
    return None


def check(project: Project, shell: Shell) -> Outcome:
    from release.settings import CommandSettings

    own = project.settings.gates.of("static_analysis", CommandSettings)
    if own.run is not None:
        from release.run.commands import judge_own, lacking_in, run_set

        lacking = lacking_in(project, "static_analysis", own)
        judge = partial(judge_own, lacking=lacking)
        return run_set(project, shell, own, tools=shell.tools, judge=judge)
    judge_by = _by_ruff if _settings(project).tool == "ruff" else _by_bandit
    return judge_by(project, shell, package_paths(project))


def package_paths(project: Project) -> list[str]:
    """The folders or modules of the import packages. Raises CannotCheck when there are none."""
    if project.package_path is not None:
        return [project.package_path]
    found = []
    for name in project.packages:
        path = f"{project.source_root}/{name.replace('.', '/')}".removeprefix("./")
        found += [p for p in (path, f"{path}.py") if (project.root / p).exists()][:1]
    if not found:
        project.require_package()
    return found


def _tests_inside(project: Project, targets: list[str]) -> list[str]:
    from release.project.declared import test_folders

    inside = [f"{target}/" for target in targets]
    return [path for path in test_folders(project) if path.startswith(tuple(inside))]


def _by_bandit(project: Project, shell: Shell, targets: list[str]) -> Outcome:
    options = _options(project)
    if (baseline := _settings(project).baseline) is not None:
        options["-b"] = baseline
    if "-b" in options and not (project.root / options["-b"]).is_file():
        raise CannotCheck(
            f"the baseline {options['-b']} is not there", "add it, or correct its name"
        )
    found = _run_bandit(project, shell, targets, options)
    if _is_configured(project):
        judged = Judgement(found.files, found.findings, unchecked=found.errors)
    else:
        judged = Judgement(found.files, advice=found.findings + found.errors)
    if found.files == 0 and not (found.errors and judged.unchecked):
        raise CannotCheck(
            f"bandit found no file in {', '.join(targets)}",
            "correct what its configuration excludes",
        )
    noted = _noted(found.lesser, found.nosec)
    count = counted(len(found.findings), "finding")
    return judged.settle(
        f"bandit: {found.files} files {f'with {count}' if found.findings else 'clean'}{noted}",
        failed=f"{count} by bandit{noted}",
    )


def _run_bandit(
    project: Project, shell: Shell, targets: list[str], options: Mapping[str, str]
) -> Analysis:
    """What bandit finds in the targets. Raises CannotCheck when it breaks."""
    from release.gates.static_analysis.static_findings import read_report

    excluded = [*EXCLUDED, *_tests_inside(project, targets)]
    excluded += _ini_excludes(project, options.get("--ini"))
    if options.get("-c", "").endswith((".yaml", ".yml")):
        shell.screen(project.root / options["-c"])
    target = shell.work / "bandit.json"
    done = shell.run(
        shell.tools.tool("bandit"),
        *(word for option in options.items() for word in option),
        *("--exclude", ",".join(excluded)),
        *("--recursive", "--format", "json", "--output", target),
        *("--severity-level", "all", "--confidence-level", "all"),
        *targets,
        cwd=project.root,
        memory=PARSER_MEMORY,
    )
    if done.status not in {CLEAN, FOUND} or not target.is_file():
        errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
        said = (errors or [done.last_line])[-1].split("\t")[-1]
        raise CannotCheck(f"bandit could not run: {said}", "fix its configuration, or see the log")
    try:
        found = read_report(
            target.read_text(encoding="utf-8", errors="replace"), least_severity(project)
        )
    except ValueError as error:
        raise CannotCheck(f"bandit: {error}", "see the log") from None
    if done.status == FOUND and not (found.findings or found.lesser or found.errors):
        raise CannotCheck("bandit failed and does not say why", "see the log")
    return found


def _is_configured(project: Project) -> bool:
    """Whether anything of the project says how bandit is to judge it."""
    from release.project.declared import hook

    told = _settings(project).model_fields_set & {"tool", "baseline", "severity"}
    return bool(told or _options(project) or hook(project, "bandit"))


def least_severity(project: Project) -> str:
    """The least severity that counts: as set, else as the arguments of a hook say."""
    from release.project.declared import hook

    settings, told = _settings(project), _hook(project)
    if "severity" in settings.model_fields_set or not hook(project, "bandit"):
        return settings.severity
    if told.severity_level:
        return {"all": "low", "low": "low", "high": "high"}.get(told.severity_level, "medium")
    return ("medium", "low", "medium", "high")[min(told.level, 3)]


def _hook(project: Project) -> argparse.Namespace:
    """The options among the arguments of the project's hook that say how bandit judges."""
    from release.project.declared import hook

    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("-c", "--configfile")
    parser.add_argument("-b", "--baseline")
    parser.add_argument("--ini")
    parser.add_argument("-l", "--level", action="count", default=0)
    parser.add_argument("--severity-level")
    for flag in ("-i", "-r", "-v", "-d", "-q"):  # which may stand in one word with -l
        parser.add_argument(flag, action="count")
    own = hook(project, "bandit")
    try:
        return parser.parse_known_args(own.arguments if own else ())[0]
    except argparse.ArgumentError as error:
        raise CannotCheck(f"bandit's hook: {error}", "fix its args") from None


def _noted(lesser: int, nosec: int) -> str:
    noted = [f"{lesser} lesser"] if lesser else []
    noted += [f"{nosec} left out by nosec"] if nosec else []
    return f"; {', '.join(noted)}" if noted else ""


def _options(project: Project) -> dict[str, str]:
    """The options by which bandit finds the project's own configuration; empty without any."""
    found: dict[str, str] = {}
    if (project.root / INI).is_file():
        found["--ini"] = INI
    if project.configures("bandit"):
        found["-c"] = "pyproject.toml"
    if name := next((n for n in CONFIGURATIONS if (project.root / n).is_file()), None):
        found["-c"] = name
    told = _hook(project)
    for option, value in {"-c": told.configfile, "-b": told.baseline, "--ini": told.ini}.items():
        path = (project.root / (value or "")).resolve()
        if path.is_file() and path.is_relative_to(project.root):
            found[option] = value
    return found


def _ini_excludes(project: Project, name: str | None) -> list[str]:
    """What a .bandit file excludes: naming exclusions of our own hides it from bandit."""
    if name is None:
        return []
    from release.text import ini

    text = (ini.section(project.root / name, "bandit") or {}).get("exclude", "")
    return [item.strip().lstrip("/") for item in text.split(",") if item.strip("/ ")]


def _by_ruff(project: Project, shell: Shell, targets: list[str]) -> Outcome:
    from release.gates import lint

    # Who ignores all of them for lint has chosen them here.
    ignored = [r for r in ignored_security(lint.read_configuration(project) or {}) if r != "S"]
    options = ["--select=S", *([f"--ignore={','.join(ignored)}"] if ignored else [])]
    tests = _tests_inside(project, targets)
    options += [word for path in tests for word in ("--extend-exclude", path)]
    number, items = lint.ruff_check(shell, shell.tools.tool("ruff"), options, targets)
    findings = tuple(lint.judge(items, project.root))
    count = f"{counted(len(findings), 'finding')} by ruff's S rules"
    clean = f"ruff's S rules: {number} files clean"
    return Judgement(number, findings).settle(clean, failed=count)


def selects_security(configuration: Mapping[str, Any]) -> bool:
    """Whether a configuration of ruff selects its S rules as a whole."""
    selected = _rules(configuration, "select") | _rules(configuration, "extend-select")
    return bool(selected & {"S", "ALL"}) and "S" not in ignored_security(configuration)


def ignored_security(configuration: Mapping[str, Any]) -> list[str]:
    """The S rules that a configuration of ruff ignores."""
    ignored = _rules(configuration, "ignore") | _rules(configuration, "extend-ignore")
    return sorted(
        rule for rule in ignored if rule == "S" or (rule[:1] == "S" and rule[1:2].isdigit())
    )


def _rules(configuration: Mapping[str, Any], key: str) -> set[str]:
    lint = configuration.get("lint")
    tables = [configuration, lint if isinstance(lint, Mapping) else {}]
    lists = [table[key] for table in tables if isinstance(table.get(key), list)]
    return {rule for rules in lists for rule in rules if isinstance(rule, str)}


GATE = Gate(
    name="static_analysis",
    title="no dangerous code in the package",
    check=check,
    applies=applies,
    tools=("bandit", "ruff"),
    cost=1.5,
    order=130,
    settings="release.gates.static_analysis.settings:StaticAnalysisSettings",
    defects="release.gates.static_analysis.defects:DEFECTS",
)
