"""The page in a real browser: what people see of it, by eye, by keyboard and by ear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from release.model import Artifact, Evidence, Finding, Level, Outcome, Required, Verdict
from release.report import html
from release.run.checklist import Report
from tests import browser
from tests.browser import Browser
from tests.report.test_formats import report
from tests.test_model import evidence

pytestmark = pytest.mark.skipif(browser.PROGRAM is None, reason="Chromium is not installed")

HOSTILE = (
    '<script>document.title = "pwned"</script>',
    '"><img src=x onerror="document.title = \'pwned\'">',
    "</style></head><body onload=\"document.title = 'pwned'\">",
    "javascript:document.title='pwned'",
    "' autofocus onfocus='document.title=\"pwned\"",
)


def gates() -> tuple[Evidence, ...]:
    """One of each status, with long words and with text that would like to be more."""
    foreign = tuple(Finding(text, f"{text}.py", 3, text) for text in HOSTILE)
    path = "src/" + "a_very_long_folder/" * 8 + "module.py"
    advice = tuple(Finding(f"F40{n}: unused", path, n + 1, "remove it", True) for n in range(5))
    wheel = Artifact("dist/small_thing-1.2.3-py3-none-any.whl", 12345, "a3" * 32)
    return (
        evidence(gate="lint", outcome=Outcome.failed((Finding("bad" * 60, path, 1, "fix it"),))),
        evidence(gate="typecheck", outcome=Outcome.failed(foreign), log=HOSTILE[3]),
        evidence(gate="static_analysis", outcome=Outcome.passed(12, "clean", remarks=advice)),
        evidence(gate="test", outcome=Outcome.passed(412, "412 passed"), reused=True),
        evidence(gate="audit", outcome=Outcome.unchecked(HOSTILE[0], "connect it")),
        evidence(gate="docker", outcome=Outcome.not_applicable("no Dockerfile"), log=None),
        evidence(gate="build", outcome=Outcome.passed(31, "2 files", artifacts=(wheel,))),
    )


def shown() -> Report:
    required: dict[str, Required] = {gate.gate: "always" for gate in gates()}
    return replace(
        report(HOSTILE[0]),
        project="small-thing",
        version="1.2.3",
        level=Level.MINOR,
        verdict=Verdict.BLOCKED,
        gates=gates(),
        required=required | {"lint": "never"},
        titles={gate.gate: f"what {gate.gate} asks" for gate in gates()},
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "preflight.html"
    path.write_text(html.render(shown()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


def test_nothing_that_tools_say_is_run_or_fetched(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    assert chromium.run("document.title").startswith("small-thing 1.2.3: blocked; 2 failed")
    assert chromium.run("document.querySelectorAll('script, img, [onload], [onfocus]').length") == 0
    assert chromium.run("performance.getEntriesByType('resource').length") == 0
    links = chromium.run("[...document.links].map(link => link.getAttribute('href'))")
    assert {link.partition("#")[0].partition("/")[0] for link in links} == {"", "logs"}
    errors = [event for event in chromium.events if event.get("method") == "Log.entryAdded"]
    assert not errors


@pytest.mark.parametrize("width", [320, 420, 700, 1000])
def test_no_page_is_wider_than_its_window(chromium: Browser, page: Path, width: int) -> None:
    chromium.open(page, width)
    assert chromium.run("document.documentElement.scrollWidth") <= width
    outside = """[...document.querySelectorAll('body *')].filter(
      e => !e.closest('thead') && e.getBoundingClientRect().right > innerWidth + 1
    ).map(e => e.outerHTML)"""
    assert chromium.run(outside) == []


CONTRAST = """
(() => {
  const channel = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const ratio = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  const found = [];
  for (const e of document.querySelectorAll('body, body *'))
    if ([...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
      found.push([ratio(light(parse(getComputedStyle(e).color)), light(behind(e))), e.outerHTML]);
  for (const e of document.querySelectorAll('.failed, .blocked')) {
    const s = getComputedStyle(e, '::before');
    found.push([ratio(light(parse(s.color)), light(parse(s.backgroundColor))), 'badge']);
  }
  return found.sort((a, b) => a[0] - b[0])[0];
})()
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(
    chromium: Browser, page: Path, dark: bool
) -> None:
    chromium.open(page, dark=dark)
    worst, where = chromium.run(CONTRAST)
    assert worst >= 4.5, where
    background = chromium.run("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is not dark


def test_statuses_differ_by_shape_and_word_as_well_as_by_colour(
    chromium: Browser, page: Path
) -> None:
    chromium.open(page)
    script = """Object.fromEntries([...document.querySelectorAll('tbody .status')].map(e => {
      const s = getComputedStyle(e, '::before');
      return [e.innerText, s.content + s.borderRadius + s.borderStyle];
    }))"""
    shapes = chromium.run(script)
    assert set(shapes) == {"passed", "failed", "unchecked", "not applicable"}
    assert len(set(shapes.values())) == 4


def test_the_keyboard_walks_through_it_in_reading_order(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    links = chromium.run("[...document.links].map(link => link.getAttribute('href'))")
    walked, seen = [], []
    for _ in links:
        chromium.press_tab()
        walked.append(chromium.run("document.activeElement.getAttribute('href')"))
        seen.append(chromium.run("getComputedStyle(document.activeElement).outlineStyle"))
    assert walked == links
    assert set(seen) == {"solid"}
    targets = [link[1:] for link in links if link.startswith("#")]
    missing = [t for t in targets if not chromium.run(f"!!document.getElementById('{t}')")]
    assert targets
    assert not missing
    assert chromium.run("document.querySelectorAll('[tabindex]').length") == 0


def tree(chromium: Browser) -> list[tuple[str, str]]:
    """What a screen reader is told: roles and names, in reading order."""
    listed: list[dict[str, Any]] = chromium.call("Accessibility.getFullAXTree")["nodes"]
    nodes = {node["nodeId"]: node for node in listed}
    waiting, told = [listed[0]["nodeId"]], []
    while waiting:
        node = nodes[waiting.pop()]
        waiting += reversed(node["childIds"])
        if not node["ignored"]:
            told.append((node["role"]["value"], node.get("name", {}).get("value", "")))
    return told


@pytest.mark.parametrize("width", [420, 1000])
def test_a_screen_reader_is_told_of_landmarks_headings_and_rows(
    chromium: Browser, page: Path, width: int
) -> None:
    chromium.open(page, width)
    told = tree(chromium)
    roles = [role for role, _ in told]
    for landmark in ("banner", "main", "navigation", "contentinfo"):
        assert roles.count(landmark) == 1, landmark
    headings = [name for role, name in told if role == "heading"]
    assert headings[:3] == ["small-thing 1.2.3: blocked", "Failed", "lint (not required)"]
    levels = chromium.run("[...document.querySelectorAll('h1,h2,h3')].map(e => +e.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    regions = [name for role, name in told if role == "region"]
    assert regions == ["Failed", "To check", "Gates", "Suggestions", "Files"]
    assert [name for role, name in told if role == "table"] == ["Gates", "Files"]
    rows = [name for role, name in told if role == "rowheader"]
    assert rows[:2] == ["lint", "typecheck"]
    assert "columnheader" in roles
    assert not [name for role, name in told if role == "link" and not name.strip()]
    assert chromium.run("document.documentElement.lang") == "en"


def test_what_failed_stands_first_and_its_row_leads_there(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    text = chromium.run("document.body.innerText")
    places = [text.index(word) for word in ("2 failed", "1 to check", "Failed\n", "Gates\n")]
    assert places == sorted(places)
    link = "document.querySelector('tbody th a')"
    assert chromium.run(f"{link}.getAttribute('href')") == "#failed-lint"
    assert "fix it" in chromium.run("document.getElementById('failed').innerText")
    logs = chromium.run(
        "[...document.querySelectorAll('tbody td a')].map(a => a.getAttribute('href'))"
    )
    assert logs[0] == "logs/lint.log"
    assert chromium.run("document.querySelector('time').dateTime").startswith("2026-03-04T05:06")
