"""Draws docs/preflight.svg from docs/preflight.json, which a real run wrote.

Called without arguments it takes the report of the last run in this repository first. A test draws
it again and compares, so that the picture cannot show what the program no longer prints.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from rich.console import Console  # noqa: E402

from release.model import Evidence, Finding, Level, Outcome, Status, Verdict  # noqa: E402
from release.report.terminal import render  # noqa: E402
from release.run.checklist import Report  # noqa: E402

WIDTH = 110


def read(data: dict[str, Any]) -> Report:
    """The Report that a `preflight.json` was written from, as far as the terminal shows it."""
    gates = tuple(
        Evidence(
            gate=item["name"],
            outcome=Outcome(
                status=Status(item["status"]),
                summary=item["summary"],
                checked=item["checked"],
                findings=tuple(Finding(**finding) for finding in item["findings"]),
            ),
            commit=data["commit"],
            tree=data["tree"],
            dirty=data["dirty"],
            key="",
            key_after="",
            level=data["level"],
            tools=item["tools"],
            commands=(),
            started=datetime.now(UTC),
            seconds=item["seconds"],
            log=item["log"],
            reused=item["reused"],
        )
        for item in data["gates"]
    )
    return Report(
        project=data["project"],
        version=data["version"],
        level=Level(data["level"]) if data["level"] else None,
        commit=data["commit"],
        tree=data["tree"],
        dirty=data["dirty"],
        verdict=Verdict(data["verdict"]),
        gates=gates,
        required={item["name"]: item["required"] for item in data["gates"]},
        left_to_ci=tuple(data["left_to_ci"]),
        titles={},
        seconds=data["seconds"],
    )


def draw(report: Report) -> str:
    """The picture of a report, as SVG."""
    out = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor",
        highlight=False, emoji=False, markup=False,
    )  # fmt: skip
    out.print("$ nox -s release_preflight", style="bold")
    out.print(render(report))
    return out.export_svg(title="release_preflight", unique_id="preflight")


def main() -> None:
    """Take the last run's report and draw it."""
    shutil.copyfile(HERE.parent / ".release" / "preflight.json", HERE / "preflight.json")
    data = json.loads((HERE / "preflight.json").read_text(encoding="utf-8"))
    (HERE / "preflight.svg").write_text(draw(read(data)), encoding="utf-8")


if __name__ == "__main__":
    main()
