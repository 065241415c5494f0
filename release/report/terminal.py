"""The checklist for a person at a terminal."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from release.model import Evidence, Finding, Gate, Status, Verdict
from release.report.causes import Cause, causes, some
from release.run.checklist import AS_BEFORE, Report
from release.run.store import FOLDER
from release.text.commands import as_called
from release.text.escaping import counted, listing, name, sentence, without_commands

STYLES = {
    Status.PASSED: ("✓", "green"),
    Status.FAILED: ("✗", "bold red"),
    Status.UNCHECKED: ("?", "yellow"),
    Status.NOT_APPLICABLE: ("–", "dim"),
}
VERDICTS = {
    Verdict.READY: "bold green",
    Verdict.INCOMPLETE: "bold yellow",
    Verdict.BLOCKED: "bold red",
}
SHOWN_FINDINGS = 20
# As pytest and Sphinx write it.
PERCENT = re.compile(rb"\[ *(\d{1,3})%\]")
TAIL = 4096


def console() -> Console:
    """Standard output as rich sees it; wide enough for a log where it is not a terminal."""
    plain = partial(Console, highlight=False, emoji=False, markup=False)
    found = plain()
    return found if found.is_terminal else plain(width=120)


class Progress:
    """Shows which gates run and which have ended, while they do.

    On a terminal it is a live list, with how many of `names` have ended and what waits; elsewhere,
    and on a terminal that cannot move its cursor, it prints a line when a gate ends. `logs` is the
    folder of their logs, where test runners say how far they are.
    """

    def __init__(self, names: Iterable[str], logs: Path) -> None:
        self._console = console()
        self._waiting = list(names)
        self._number = len(self._waiting)
        self._logs = logs
        self._running: dict[str, float] = {}
        self._ended: list[Evidence] = []
        self._lock = threading.Lock()
        self._live = (
            Live(console=self._console, refresh_per_second=8, transient=True)
            if self._console.is_terminal and not self._console.is_dumb_terminal
            else None
        )

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.get_renderable = self._render  # type: ignore[method-assign]
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def started(self, gate: Gate) -> None:
        with self._lock:
            self._waiting = [name for name in self._waiting if name != gate.name]
            self._running[gate.name] = time.monotonic()

    def ended(self, evidence: Evidence) -> None:
        with self._lock:
            self._running.pop(evidence.gate, None)
            self._ended.append(evidence)
            if self._live is None and not evidence.reused:
                self._console.print(_ended_line(evidence))

    def _render(self) -> RenderableType:
        with self._lock:
            lines: list[RenderableType] = [
                _ended_line(evidence) for evidence in self._ended if not evidence.reused
            ]
            now = time.monotonic()
            for name, since in self._running.items():
                done = progress_of(self._logs / f"{name}.log")
                told = f"{name}  {now - since:.0f} s{f', {done}' if done else ''}"
                lines.append(Spinner("dots", Text(told, style="cyan")))
            return Group(self._counted(), *lines)

    def _counted(self) -> Text:
        waiting = f"; waiting: {listing(self._waiting)}" if self._waiting else ""
        told = f"{len(self._ended)} of {self._number} gates{waiting}"
        return Text(told, style="dim", no_wrap=True, overflow="ellipsis")


def progress_of(log: Path) -> str:
    """How much of it a tool says at the end of its log that it has done, such as 42 %; or ""."""
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - TAIL, 0))
            told = PERCENT.findall(file.read())
    except OSError:
        return ""
    return f"{int(told[-1])} %" if told else ""


def _ended_line(evidence: Evidence) -> Text:
    mark, style = STYLES[evidence.outcome.status]
    line = Text(f"{mark} ", style=style, no_wrap=True, overflow="ellipsis")
    return line.append(f"{evidence.gate}  ", style="bold").append(
        f"{evidence.seconds:.1f} s", style="dim"
    )


def show_report(report: Report, out: Console | None = None) -> None:
    """Print the whole checklist and the verdict."""
    _print(out or console(), render(report))


def _print(out: Console, *parts: RenderableType) -> None:
    """Print it so that no line, wherever it was broken, is one that a CI job's runner obeys."""
    with out.capture() as captured:
        for part in parts:
            out.print(part)
    out.file.write(without_commands(captured.get()))
    out.file.flush()


def render(report: Report) -> Group:
    """The whole checklist: counts, a line a gate, what failed, what is to be checked, suggestions.

    The verdict line is the last one.
    """
    table = Table(box=None, padding=(0, 1), show_header=True, header_style="dim")
    table.add_column("")
    table.add_column("gate", no_wrap=True)
    table.add_column("")
    table.add_column("checked", justify="right")
    table.add_column("seconds", justify="right")
    for evidence in report.gates:
        mark, style = STYLES[evidence.outcome.status]
        absent = evidence.outcome.status is Status.NOT_APPLICABLE
        spared = report.is_spared(evidence.gate) and not absent
        quiet = absent or spared
        duration = "reused" if evidence.reused else f"{evidence.seconds:.1f}"
        summary = sentence(evidence.outcome.summary)
        table.add_row(
            Text(mark, style="dim" if spared else style),
            Text(evidence.gate, style="dim" if quiet else "bold"),
            Text(f"not required: {summary}" if spared else summary, style="dim" if quiet else ""),
            Text(str(evidence.outcome.checked or ""), style="dim"),
            Text("" if absent else duration, style="dim"),
        )
    counts = Text(report.counts, style=VERDICTS[report.verdict])
    parts: list[RenderableType] = [Text(), counts, table]
    for status in (Status.FAILED, Status.UNCHECKED):
        parts += [_details(e, e.outcome.blocking) for e in report.of(status)]
    parts += [_suggestions(e) for e in report.gates if e.outcome.advice]
    if report.disturbed:
        parts.append(_disturbed(report.disturbed))
    elif report.moved:
        parts.append(_moved(report.moved))
    parts += [Text(), verdict_line(report)]
    return Group(*parts)


def _details(evidence: Evidence, findings: Sequence[Finding]) -> RenderableType:
    mark, style = STYLES[evidence.outcome.status]
    lines: list[RenderableType] = [Text(), Text(f"{mark} {evidence.gate}", style=style)]
    lines += _causes(evidence, findings)
    if evidence.log and evidence.outcome.status is not Status.PASSED:
        before = f" ({AS_BEFORE})" if evidence.reused else ""
        lines.append(Text(f"  log: {FOLDER}/{evidence.log}{before}", style="dim"))
    return Group(*lines)


def _suggestions(evidence: Evidence) -> RenderableType:
    advice = evidence.outcome.advice
    title = Text(f"i {evidence.gate}: {counted(len(advice), 'suggestion')}", style="cyan")
    return Group(Text(), title, *_causes(evidence, advice))


def _causes(evidence: Evidence, findings: Sequence[Finding]) -> list[RenderableType]:
    found = causes(findings)
    summary = evidence.outcome.summary
    lines: list[RenderableType] = [
        Padding(_cause(cause, summary), (0, 0, 0, 2)) for cause in found[:SHOWN_FINDINGS]
    ]
    hidden = len(found) - SHOWN_FINDINGS
    if hidden > 0:
        lines.append(Text(f"  … and {hidden} more in {FOLDER}/evidence/{evidence.gate}.json"))
    return lines


def _cause(cause: Cause, summary: str) -> Text:
    """A finding and its remedy; a message that is the gate's whole summary is not said twice."""
    text = Text()
    remedy = cause.first.remedy
    if cause.places:
        text.append(f"{some(tuple(map(name, cause.places)))}: ", style="bold")
    if cause.places or cause.message != summary or not remedy:
        text.append(sentence(cause.message) + ("\n  " if remedy else ""))
    if remedy:
        text.append(f"→ {sentence(remedy)}", style="cyan")
    return text


def _disturbed(paths: Sequence[str]) -> RenderableType:
    return Text(
        f"\n? changed while it was judged, so no commit was judged as a whole: {listing(paths)}\n"
        "  → run it again and leave the files alone meanwhile; ignore what the tests write",
        style="yellow",
    )


def _moved(paths: Sequence[str]) -> RenderableType:
    return Text(
        f"\ni files changed while the gates ran, so passes will not be reused: {listing(paths)}\n"
        "  → if the project's own commands write them, list them in tool.release.by-products",
        style="cyan",
    )


def verdict_line(report: Report) -> Text:
    """The last line: project, version, commit and verdict, and what is left to CI."""
    version = name(report.version or "(version from the tag)")
    line = Text(f"{name(report.project)} {version}", style="bold")
    line.append(f" at {report.commit[:12] or 'no commit'}", style="dim")
    line.append(
        " with uncommitted changes" if report.dirty and report.commit else "", style="yellow"
    )
    line.append(", a part of the checklist: " if report.part else ": ")
    line.append(report.counts, style=VERDICTS[report.verdict])
    if report.left_to_ci:
        line.append(f" (left to CI: {name(', '.join(report.left_to_ci))})", style="yellow")
    return line.append(f"  {report.seconds:.1f} s", style="dim")


def show_gate(evidence: Evidence, needed: Sequence[Evidence]) -> None:
    """Print the judgement of one gate, and of the gates that it needed."""
    out = console()
    for item in [*needed, evidence]:
        mark, style = STYLES[item.outcome.status]
        line = Text(f"{mark} {item.gate}: ", style=style).append(
            sentence(item.outcome.summary), style="default"
        )
        if item.outcome.checked:
            line.append(f"  ({item.outcome.checked} checked)", style="dim")
        line.append("  reused" if item.reused else f"  {item.seconds:.1f} s", style="dim")
        _print(out, line)
    outcome = evidence.outcome.map_remedies(as_called)
    if outcome.blocking:
        _print(out, _details(evidence, outcome.blocking))
    if outcome.advice:
        _print(out, _suggestions(replace(evidence, outcome=outcome)))
    for note in outcome.notes:
        place = name(note.place) + ": " if note.path else ""
        _print(out, Text(f"  {place}{sentence(note.message)}", style="dim"))
