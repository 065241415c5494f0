"""Releases of projects whose changelog a tool collects from fragments, with these tools."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.version import Version

from release.change.releasing import bump, cut, dry_bump, dry_cut
from release.change.situation import Request, look, stands_in_files
from release.errors import ReleaseError
from release.gates.changelog import judge_fragments
from release.model import Gate
from release.project import read_project
from release.project.fragments import Fragments
from release.registry import installed
from release.report.plan import render
from tests.change.test_faults import GATES
from tests.change.test_judged_version import METADATA, SCM
from tests.run.test_runner import Silent
from tests.support import Judge, commit, git, make_project, with_remote, write

LAST = "## 0.3.1 - 2026-01-02\n\n- A first thing.\n"


@dataclass(frozen=True)
class Tool:
    """A tool: its settings, the changelog at the last release, and a fragment for the next."""

    settings: str
    log: str
    fragment: str
    text: str
    others: tuple[tuple[str, str], ...] = ()


CHANGIE = """\
changesDir: .changes
unreleasedDir: unreleased
headerPath: header.tpl.md
changelogPath: CHANGELOG.md
versionExt: md
versionFormat: '## {{.VersionNoPrefix}} - {{.Time.Format "2006-01-02"}}'
kindFormat: '### {{.Kind}}'
changeFormat: '- {{.Body}}'
kinds: [{label: Added}]
newlines: {afterKind: 1, beforeKind: 1, afterChangelogHeader: 1, endOfVersion: 1}
"""
TOOLS = {
    "towncrier": Tool(
        '\n[tool.towncrier]\nname = "small-thing"\nfilename = "CHANGELOG.md"\ndirectory = "news"\n'
        'title_format = "## {version} - {project_date}"\n',
        f"# Changelog\n\n<!-- towncrier release notes start -->\n\n{LAST}",
        "news/12.feature.md",
        "A second thing.\n",
    ),
    "scriv": Tool(
        '\n[tool.scriv]\nformat = "md"\nmd_header_level = 2\n'
        "entry_title_template = \"{{ version }} - {{ date.strftime('%Y-%m-%d') }}\"\n",
        f"# Changelog\n\n<!-- scriv-insert-here -->\n\n{LAST}",
        "changelog.d/20260203_a.md",
        "### Added\n\n- A second thing.\n",
    ),
    "changie": Tool(
        "",
        f"# Changelog\n\n{LAST}",
        ".changes/unreleased/Added-1.yaml",
        "kind: Added\nbody: A second thing.\ntime: 2026-02-03T07:09:15Z\n",
        (
            (".changie.yaml", CHANGIE),
            (".changes/header.tpl.md", "# Changelog\n"),
            (".changes/v0.3.1.md", LAST),
        ),
    ),
}
STATIC = METADATA.replace('dynamic = ["version"]', 'version = "0.3.1"').replace(
    '"setuptools", "setuptools-scm"', '"setuptools"'
)


@pytest.fixture(autouse=True)
def _few_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    gates = {name: one for name, one in installed().items() if name in GATES}
    monkeypatch.setattr("release.registry.installed", lambda: gates)


def project(tmp_path: Path, tool: Tool, metadata: str) -> Path:
    """A project whose last release is tagged, with a fragment since."""
    files = {"CHANGELOG.md": tool.log, "src/small_thing/__init__.py": '"""A small thing."""\n'}
    files |= {"pyproject.toml": metadata + tool.settings, **dict(tool.others)}
    root = make_project(tmp_path / "thing", files)
    with_remote(root)
    git(root, "tag", "--annotate", "--message", "x", "v0.3.1")
    write(root, {tool.fragment: tool.text})
    commit(root)
    git(root, "push", "--quiet", "origin", "main", "v0.3.1")
    return root


def diff(root: Path, *left_out: str) -> str:
    """What the last commit changed, but for some files."""
    others = (f":(exclude){path}" for path in left_out)
    return git(root, "diff", "--no-renames", "HEAD^", "HEAD", "--", ".", *others)


def gates(metadata: str) -> dict[str, Gate]:
    return {} if metadata == STATIC else SCM


def cases() -> Iterable[object]:
    for name in TOOLS:
        absent = name == "changie" and shutil.which(name) is None
        marks = [pytest.mark.skipif(absent, reason=f"{name} is not installed"), pytest.mark.slow]
        yield pytest.param(name, marks=marks)


@pytest.mark.parametrize("metadata", [STATIC, METADATA], ids=["static", "tags"])
@pytest.mark.parametrize("action", ["bump", "cut"])
@pytest.mark.parametrize("name", list(cases()))
def test_a_tool_collects_its_fragments_and_the_dry_run_shows_just_that(
    tmp_path: Path, judge: Judge, name: str, action: str, metadata: str
) -> None:
    tool = TOOLS[name]
    root = project(tmp_path, tool, metadata)
    before = git(root, "rev-parse", "HEAD")
    dry = dry_bump if action == "bump" else dry_cut
    plan = dry(read_project(root, gates(metadata)), Request("minor"), judge.tools)
    assert git(root, "rev-parse", "HEAD") == before
    run = judge.run(root, gates=gates(metadata))
    if action == "bump":
        bump(run, Request("minor"))
    else:
        cut(run, Request("minor"), Silent())
    assert plan.made.strip() == diff(root, *(edit.path for edit in plan.edits)).strip()
    assert plan.commit_message is not None
    assert plan.commit_message.strip() == git(root, "log", "-1", "--format=%B").strip()
    assert "A second thing" in plan.commit_message
    assert "+- A second thing" in render(plan)
    assert "deleted file mode 100644\nindex" in plan.made
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## 0.4.0 - {datetime.now(UTC).date()}" in text
    assert "- A second thing." in text
    assert text.rstrip().endswith(LAST.rstrip())
    assert not (root / tool.fragment).exists()
    assert ("v0.4.0" in git(root, "tag")) is (action == "cut")
    assert stands_in_files(look(read_project(root)), Version("0.4.0"))


@pytest.mark.slow
def test_a_fragment_that_its_tool_does_not_take_is_named(tmp_path: Path, judge: Judge) -> None:
    root = project(tmp_path, TOOLS["towncrier"], METADATA)
    write(root, {"news/13.docs.md": "Of no kind that there is.\n"})
    commit(root)
    git(root, "push", "--quiet", "origin", "main")
    plan = dry_bump(read_project(root, SCM), Request("minor"), judge.tools)
    (told,) = [note for note in plan.notes if "did not take" in note.message]
    assert told.message == "towncrier did not take news/13.docs.md"
    done = bump(judge.run(root, gates=SCM), Request("minor"))
    assert told in done.remarks


def test_a_version_in_the_files_whose_fragments_are_there_is_not_all_done(tmp_path: Path) -> None:
    tool = TOOLS["towncrier"]
    root = project(tmp_path, tool, STATIC.replace("0.3.1", "0.4.0"))
    assert not stands_in_files(look(read_project(root)), Version("0.4.0"))
    write(root, {tool.fragment: None, "news/README.md": "How to add one.\n"})
    assert stands_in_files(look(read_project(root)), Version("0.4.0"))


def test_a_release_without_a_fragment_is_told_before_it_is_made() -> None:
    collected = Fragments("towncrier", ("news",))
    (told,) = judge_fragments(collected, 0).advice
    assert told.message == "no fragment in news says what the release brings"
    assert not judge_fragments(collected, 2).advice


@pytest.mark.parametrize("target", ["{outside}", "{root}/notes", "../../../outside", ".git/hooks"])
def test_no_tool_collects_beside_a_link_that_leads_out_of_the_copy(
    tmp_path: Path, judge: Judge, target: str
) -> None:
    tool = TOOLS["scriv"]
    settings = tool.settings.replace("[tool.scriv]", '[tool.scriv]\nfragment_directory = "linked"')
    root = project(tmp_path, Tool(settings, tool.log, "notes/mine.md", tool.text), STATIC)
    write(tmp_path, {"outside/mine.md": tool.text})
    (root / "linked").symlink_to(target.format(outside=tmp_path / "outside", root=root))
    commit(root)
    git(root, "push", "--quiet", "origin", "main")
    for release in (
        lambda: dry_bump(read_project(root), Request("minor"), judge.tools),
        lambda: bump(judge.run(root), Request("minor")),
    ):
        with pytest.raises(ReleaseError, match="leads out of the repository"):
            release()
    assert (tmp_path / "outside/mine.md").is_file()
    assert (root / "notes/mine.md").is_file()


def test_a_link_that_no_setting_names_stops_a_tool_too(tmp_path: Path, judge: Judge) -> None:
    root = project(tmp_path, TOOLS["towncrier"], STATIC)
    (root / "l0.4.0").symlink_to("../../outside")
    (root / "inside").symlink_to("news")
    commit(root)
    git(root, "push", "--quiet", "origin", "main")
    with pytest.raises(ReleaseError) as caught:
        bump(judge.run(root), Request("minor"))
    (problem,) = caught.value.problems
    assert problem.path == "l0.4.0"
    assert problem.message.startswith("the link leads out of the repository, to ")
    assert problem.message.endswith("and towncrier may write there")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["towncrier", "scriv"])
def test_a_template_of_a_tool_runs_no_program(tmp_path: Path, judge: Judge, name: str) -> None:
    made = tmp_path / "made"
    template = f"{{{{ cycler.__init__.__globals__.os.popen('touch {made}').read() }}}}"
    told = {
        "towncrier": '[tool.towncrier]\ntemplate = "news.j2"\n',
        "scriv": f'[tool.scriv]\nentry_title_template = "{template}"\n',
    }
    tool = TOOLS[name]
    settings = "\n".join(
        line for line in tool.settings.splitlines() if "entry_title_template" not in line
    ).replace(f"[tool.{name}]\n", told[name])
    root = project(tmp_path, Tool(settings + "\n", tool.log, tool.fragment, tool.text), STATIC)
    write(root, {"news.j2": template})
    commit(root)
    git(root, "push", "--quiet", "origin", "main")
    with pytest.raises(ReleaseError, match="SecurityError: access to attribute"):
        dry_bump(read_project(root), Request("minor"), judge.tools)
    assert not made.exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("changie") is None, reason="changie is not installed")
def test_changie_reads_no_secret_of_the_environment(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMALL_THING_PASSWORD", "correct-horse-battery")
    monkeypatch.setenv("SMALL_THING_CODENAME", "Marmot")
    tool = TOOLS["changie"]
    reads = CHANGIE.replace("- {{.Body}}", "- {{.Body}} ({{.Env.CODENAME}}{{.Env.PASSWORD}})")
    others = ((".changie.yaml", f"{reads}envPrefix: SMALL_THING_\n"), *tool.others[1:])
    root = project(tmp_path, Tool("", tool.log, tool.fragment, tool.text, others), STATIC)
    plan = dry_bump(read_project(root), Request("minor"), judge.tools)
    assert "+- A second thing. (Marmot)" in plan.made


@pytest.mark.parametrize("known", [False, True], ids=["new", "in a file before"])
def test_a_secret_that_a_command_writes_into_a_file_stops_the_release(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setenv("SMALL_THING_PASSWORD", "correct-horse-battery")
    write = ["-c", "import os; open('BUILD', 'w').write(os.environ['SMALL_THING_PASSWORD'] + '!')"]
    settings = (
        f"[tool.release.bump]\nrun = [{json.dumps(['python', *write])}]\nwrites = ['BUILD']\n"
    )
    others = (("BUILD", "correct-horse-battery\n" if known else "none\n"),)
    log = f"# Changelog\n\n## Unreleased\n\n- A second thing.\n\n{LAST}"
    root = project(tmp_path, Tool(settings, log, "README.md", "A thing.\n", others), STATIC)
    if known:
        dry_bump(read_project(root), Request("minor"), judge.tools)
        return
    with pytest.raises(ReleaseError, match="would write a secret of the environment") as caught:
        dry_bump(read_project(root), Request("minor"), judge.tools)
    assert [problem.path for problem in caught.value.problems] == ["BUILD"]
