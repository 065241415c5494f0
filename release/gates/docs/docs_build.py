"""What mkdocs and Sphinx print when they build documentation strictly, and what of it is a defect.

A complaint is a defect of the project, a gap in the environment (a theme, a plugin or a module that
is not installed), or cannot be decided here: an inventory of another project's documentation that
was not reached, and references that it may hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from release.model import Finding, Judgement
from release.run.lacks import HOST, NETWORK, UNREACHED, remedy_for, told
from release.run.processes import COLOUR
from release.text.escaping import sentence

LEVELS = "WARNING|ERROR|CRITICAL|SEVERE"
LONGEST = 400
_SPHINX_START = re.compile(rf"^(?:(?P<place>\S[^\n]*?): )?(?:{LEVELS}): (?P<text>.*)$")
_MKDOCS_START = re.compile(r"^(?P<level>[A-Z]+) +-  ?(?P<text>.*)$")
_MISSING = re.compile(r"No module named ['\"]([\w.]+)['\"]")
_INVENTORY = re.compile(r"failed to reach any of the inventories|Couldn't load inventory")
_UNRESOLVED = re.compile(
    r"reference target not found: (?P<sphinx>\S+)"
    r"|Could not find cross-reference target '(?P<mkdocs>[^']+)'"
)
# A label may be one of another project; a document is, where its project is named.
_ELSEWHERE = re.compile(
    r"^undefined label: |^term not in glossary: |^unknown (?:option|keyword): "
    r"|^unknown document: '[^']+:|^No matches for '(?!\*:)[^':]+:"
)
_NOT_IMPORTED = re.compile(r"failed to import (?:\w+ )?'([\w.]+)'(?: from module '([\w.]+)')?")
_NOT_INSTALLED = re.compile(
    r"The \"([^\"]+)\" plugin is not installed|Unrecognised theme name: '([^']+)'"
    r"|no theme named '([^']+)' found|Could not import extension ([\w.]+)"
    r"|Failed to load extension '([\w.]+)'"
)
_PAGE = re.compile(r"(?:Doc file|Error reading page) '([^']+)'|(?:^|: )([\w./ -]+\.md): ")
_TARGET = re.compile(r"contains (?:a|an \w+) (?:link|image) '([^']+)'")


@dataclass(frozen=True, slots=True)
class Warnings:
    """The complaints of one build, sorted.

    `lacking` is what is not installed, by name, and the network, in words, as `lacks` says it;
    `undecided` is how many references may lead to what is lacking. `broken` is how the tool itself
    broke, None if it did not.
    """

    defects: tuple[Finding, ...] = ()
    lacking: tuple[str, ...] = ()
    undecided: int = 0
    broken: str | None = None

    def unchecked(self, tool: str, remedy: Callable[[Iterable[str]], str]) -> Judgement:
        """What could not be judged. `remedy` says what to do about modules that are missing."""
        if not self.lacking:
            return Judgement()
        more = f"; {self.undecided} references may lead there" if self.undecided else ""
        reason = f"{tool} needs {told(self.lacking)}{more}"
        return Judgement(unchecked=(Finding(reason, remedy=remedy_for(self.lacking, remedy)),))


def judge_sphinx(status: int, warnings: str, output: str, own: frozenset[str]) -> Warnings:
    """The verdict on `sphinx -W --keep-going`.

    `status` is its exit status, `warnings` what it wrote to the file of `-w`, `output` what it
    printed to its error stream, `own` the project's top-level modules. Paths are as Sphinx gives
    them.
    """
    complaints = list(_sphinx_complaints(warnings))
    # A conf.py can see to it that Sphinx ends well whatever it warned of.
    if status in {0, 1} and complaints:
        return _sort(complaints, own)
    if status == 0:
        return Warnings()
    said = _sphinx_error(output or warnings)
    if said is None:
        return Warnings(broken=f"sphinx ended with status {status} and says no reason")
    kind, text = said
    named = [next(filter(None, names)) for names in _NOT_INSTALLED.findall(text)]
    gaps = [n for n in (*_MISSING.findall(output), *named) if n.partition(".")[0] not in own]
    if lacking := gaps or _unreached(text):
        return Warnings(lacking=tuple(dict.fromkeys(lacking)))
    if kind in {"ConfigError", "SphinxError", "ApplicationError"} or named:
        path = "conf.py" if kind == "ConfigError" else None
        return Warnings(defects=(Finding(sentence(text, LONGEST), path, remedy="fix it"),))
    return Warnings(broken=f"sphinx broke: {sentence(text, LONGEST)}")


def judge_mkdocs(status: int, output: str, own: frozenset[str]) -> Warnings:
    """The verdict on `mkdocs build --strict`: its exit status and what it printed as errors."""
    complaints = list(_mkdocs_complaints(output))
    if complaints and (status == 0 or "Traceback (most recent call last)" not in output):
        return _sort(complaints, own)
    if status == 0:
        return Warnings()
    missing = [name for name in _MISSING.findall(output) if name.partition(".")[0] not in own]
    if missing:
        return Warnings(lacking=tuple(dict.fromkeys(missing)))
    lines = [line.strip() for line in output.split("\n") if line.strip()]
    parsing = re.search(r"^Error: (.+(?:\n(?!\s*$).+)*)", output, re.M)
    if parsing and status == 1:
        where = re.search(r"in \"[^\"\n]*?([^\"\n/\\]+)\", line (\d+)", parsing[1])
        return Warnings(
            defects=(
                Finding(
                    sentence(re.sub(r"\s*in \"[^\"]*\".*", "", parsing[1]), LONGEST),
                    where[1] if where else "mkdocs.yml",
                    int(where[2]) if where else None,
                    "fix it",
                ),
            )
        )
    said = sentence(lines[-1], LONGEST) if lines else "it said nothing"
    if unreached := _unreached(said):
        return Warnings(lacking=tuple(unreached))
    return Warnings(broken=f"mkdocs broke with status {status}: {said}")


def judge_output(output: str, own: frozenset[str]) -> Warnings:
    """The complaints in what a command printed that builds documentation by either of them.

    Of what is printed without a place only gaps and the network are told: other tools print, too.
    """
    lines = COLOUR.sub("", output).split("\n")
    sphinx = "\n".join(line for line in lines if _SPHINX_START.match(line))
    mkdocs = "\n".join(line for line in lines if _MKDOCS_START.match(line))
    found = (*_sphinx_complaints(sphinx), *_mkdocs_complaints(mkdocs))
    return _sort([c for c in found if c.path or _lacking(c.message, own)], own)


def _sphinx_complaints(text: str) -> Iterator[Finding]:
    for start, rest in _blocks(text.split("\n"), _SPHINX_START):
        yield Finding("\n".join([start["text"], *rest]).strip(), *_place(start["place"]))


def _place(place: str | None) -> tuple[str | None, int | None]:
    if place is None:
        return None, None
    if place.startswith("<"):  # such as <unknown>, and <autodoc> in front of generated text
        return None, None
    path, colon, number = place.rpartition(":")
    if not colon or not (number.isdigit() or not number):
        path, number = place, ""
    if ":docstring of " in path:  # counts the line within the docstring
        return path.partition(":docstring of ")[0], None
    return path, int(number) if number else None


def _mkdocs_complaints(text: str) -> Iterator[Finding]:
    ended = text.partition("\nAborted with ")[0]
    for start, rest in _blocks(ended.split("\n"), _MKDOCS_START):
        if start["level"] not in LEVELS.split("|"):
            continue
        said = "\n".join([start["text"], *rest]).strip()
        page = _PAGE.search(said)
        path = next(filter(None, page.groups())) if page else None
        if path is None and re.search(r"'nav' configuration|^Config value", said):
            path = "mkdocs.yml"
        yield Finding(said, path)


def _blocks(
    lines: Iterable[str], pattern: re.Pattern[str]
) -> list[tuple[re.Match[str], list[str]]]:
    """The lines that match, each with those behind it that do not."""
    found: list[tuple[re.Match[str], list[str]]] = []
    for line in lines:
        if match := pattern.match(line):
            found.append((match, []))
        elif found:
            found[-1][1].append(line)
    return found


def _sort(complaints: Iterable[Finding], own: frozenset[str]) -> Warnings:
    lacking = {complaint: _lacking(complaint.message, own) for complaint in complaints}
    unreached = any(_unreached(complaint.message) for complaint in lacking)
    # The modules that could not be imported for want of another one, with a dot behind.
    wanted = (_wanted(complaint.message) for complaint, names in lacking.items() if names)
    absent = tuple(f"{module}." for module in wanted if module)
    judged = [complaint for complaint, names in lacking.items() if not names]
    decided = [
        complaint
        for complaint in judged
        if not (unreached and _may_be_elsewhere(complaint.message, own))
        and not f"{unresolved_name(complaint.message) or ''}.".startswith(absent)
    ]
    found = (replace(c, message=sentence(c.message, LONGEST), remedy="fix it") for c in decided)
    missing = dict.fromkeys(name for names in lacking.values() for name in names)
    return Warnings(tuple(dict.fromkeys(found)), tuple(missing), len(judged) - len(decided))


def _lacking(text: str, own: frozenset[str]) -> list[str]:
    return _unreached(text) or _gap(text, own)


def _unreached(text: str) -> list[str]:
    """The network, where it is what a complaint is about, and not a name like its errors."""
    patterns = (_INVENTORY, NETWORK, UNREACHED)
    if not any(one.search(text) for one in patterns) or _UNRESOLVED.search(text):
        return []
    hosts = dict.fromkeys(HOST.findall(text))
    return [f"the network ({host})" for host in hosts] or ["the network"]


def _wanted(text: str) -> str:
    """The module that a page names and that could not be imported; empty where it is none."""
    found = _NOT_IMPORTED.search(text)
    if found is None:
        return ""
    return f"{found[2]}.{found[1]}" if found[2] else found[1]


def unresolved_name(text: str) -> str | None:
    """The name that a reference in the domain of Python leads to in vain; None of others."""
    found = _UNRESOLVED.search(text)
    return found["sphinx"] if found is not None else None


def _gap(text: str, own: frozenset[str]) -> list[str]:
    """The modules or plugins that a complaint misses, where their absence is what it is about."""
    named = [next(filter(None, names)) for names in _NOT_INSTALLED.findall(text)]
    wanted = _wanted(text)
    missing = [
        name
        for name in _MISSING.findall(text)
        if name.partition(".")[0] not in own
        # A page that names a module which does not exist is a defect.
        and wanted.partition(".")[0] != name.partition(".")[0]
        and ("import" in text or named)
    ]
    return [*(missing or named)]


def _may_be_elsewhere(text: str, own: frozenset[str]) -> bool:
    found = _UNRESOLVED.search(text)
    if found is None:
        return bool(_ELSEWHERE.match(text))
    name = found["sphinx"] or found["mkdocs"]
    return name.partition(".")[0] not in own


def _sphinx_error(text: str) -> tuple[str, str] | None:
    """The kind and the text of the error that ended Sphinx, as its versions print it."""
    raised = list(re.finditer(r"^\s*sphinx\.errors\.(\w+): (.+)$", text, re.M))
    if raised:
        kind, said = raised[-1].groups()
        if "programmable error" in said:
            inner = re.findall(r"^\s*(\w[\w.]*(?:Error|Exception)\b.*)$", text, re.M)
            said = f"conf.py: {inner[-1]}" if inner else said
        return kind, said
    errors = re.findall(r"^\s*(\w[\w.]*(?:Error|Exception): .+)$", text, re.M)
    return ("Exception", errors[-1]) if errors else None


def link_target(text: str) -> str | None:
    """The target that a page links to, in a complaint of mkdocs about that link."""
    found = _TARGET.search(text)
    return found[1] if found else None
