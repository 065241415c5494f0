"""Each sentence of the five procedures that checks something: its gate fails on a planted defect.

tests/procedures/ is the table. Each project is made ready once: its last release tagged and on
the index, the next one bumped and pushed, as `cut` judges it. There every gate is judged without a
defect once, and then with each row's defect in a copy that is put back afterwards.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from release.change.releasing import bump
from release.change.situation import Request
from release.model import Evidence, Status
from release.registry import installed
from release.run.store import FOLDER
from release.world import web
from tests import forge_server
from tests.forge_server import REPOSITORY, ForgeServer, refusal
from tests.gates.docker.test_docker import Machine, machine
from tests.local_server import Reply
from tests.osv_server import OsvServer
from tests.procedures import PROCEDURES
from tests.procedures.model import After, Defect, Procedure, Row
from tests.support import Judge, commit, git, with_remote, write
from tests.test_projects import ADDED, PLACEHOLDER
from tests.test_projects import PROJECTS as FOLDERS

__all__ = ["machine"]

pytestmark = pytest.mark.network
PAGE = Path(__file__).parents[1] / "docs" / "procedures.md"
REWRITE = "python -m tests.test_procedures"
ONLINE = frozenset(["ci", "setup"])
# Where a row is about it, and where the project has settings of its own for building.
BUILT_TWICE = frozenset(["aksara", "chap_checker", "ophamin"])
RUNS = ("CI", "Audit", "lint", "typecheck", "Release gate")
# The last release, the next one, and what makes it.
RELEASES: Mapping[str, tuple[str, str, Request]] = {
    "ophamin": ("0.7.2", "0.8.0", Request("minor", "units", ADDED)),
    "ajolopy": ("0.4.2", "0.4.3", Request("patch")),
    "chap_checker": ("0.2.0", "0.3.0", Request("minor", "shown offline")),
    "aksara": ("0.6.1", "0.7.0", Request("minor")),
    "openmed": ("1.4.0", "1.5.0", Request("1.5.0")),
}


class Forge(ForgeServer):
    """GitHub, and an index that shows attestations, for one project at a time."""

    def _found(self, target: str, authorised: str | None) -> Reply:
        return super()._found(target.replace(f"/repos/{self.slug}", REPOSITORY, 1), authorised)


class World:
    """What lies outside of every project: its forge and index, advisories, tools."""

    def __init__(
        self, folder: Path, judge: Judge, forge: ForgeServer, advisories: list[Any]
    ) -> None:
        self.folder = folder
        self.judge = judge
        self.forge = forge
        self.advisories = advisories
        self.osv_url = ""
        self.benches: dict[str, Bench] = {}

    def bench(self, procedure: Procedure) -> Bench:
        if procedure.name not in self.benches:
            self.benches[procedure.name] = Bench(self, procedure)
        return self.benches[procedure.name]


class Bench:
    """A project that is ready to be released, its remote and its index, to plant defects in.

    `root` and the others are put back before each judgement; what tools left in `.release` stays,
    so that no environment is made twice.
    """

    base_image = ""

    def __init__(self, world: World, procedure: Procedure) -> None:
        self.world, self.procedure, self.name = world, procedure, procedure.name
        self.previous, self.version, request = RELEASES[self.name]
        self.tag = f"v{self.version}"
        self.here = world.folder / self.name
        self.root, self.index = self.here / self.name, self.here / "index"
        self.publisher: dict[str, str | None] = {}
        self.known = self.attested = True  # by the index
        self.found: dict[tuple[object, ...], Evidence] = {}
        self._start()
        self._release_next(request)
        self.kept = self.here / "kept"
        for part in self._parts():
            shutil.copytree(part, self.kept / part.name, ignore=shutil.ignore_patterns(FOLDER))

    def _parts(self) -> tuple[Path, ...]:
        return (self.root, self.root.with_name(f"{self.name}.git"), self.index)

    def _start(self) -> None:
        """The last release: tagged, pushed, and on the index."""
        ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
        shutil.copytree(FOLDERS / self.name, self.root, ignore=ignored)
        self.index.mkdir()
        path = self.root / "pyproject.toml"
        text = path.read_text(encoding="utf-8")
        text = text.replace(PLACEHOLDER, self.index.as_uri())
        text += f'\n[tool.release.gates.audit]\nservice = "osv"\nosv-url = "{self.world.osv_url}"\n'
        if self.name not in BUILT_TWICE:
            table = "[tool.release.gates.build]\n"
            assert table not in text
            text += f'\n{table}reproducible = "no"\n'
        path.write_text(text, encoding="utf-8")
        git(self.root, "init", "--quiet", "--initial-branch=main")
        commit(self.root, "Start")
        git(self.root, "tag", "--annotate", "--message", "Last", f"v{self.previous}")
        with_remote(self.root)
        git(self.root, "push", "--quiet", "--tags", "origin")
        if (self.root / ".githooks").is_dir():
            git(self.root, "config", "core.hooksPath", ".githooks")
        if "sign-tags" in text:
            key = self.here / "key"
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)]
            subprocess.run(words, check=True)
            git(self.root, "config", "gpg.format", "ssh")
            git(self.root, "config", "user.signingKey", str(key))
        if any(row.gate == "ratchet" for row in self.procedure.rows):
            built = self.world.judge(self.root, "build")
            assert built.outcome.status is Status.PASSED, built.outcome
            for file in (self.root / FOLDER / "dist").iterdir():
                self.index_has(file.name, file.read_bytes())

    def _release_next(self, request: Request) -> None:
        """The next release as it is before it is tagged; a version that is its tag has it."""
        if self.name == "openmed":
            write(self.root, {"NEWS": "Another term.\n"})
            commit(self.root, "Add a term")
            git(self.root, "tag", "--annotate", "--message", "Next", self.tag)
        else:
            done = bump(self.world.judge.run(self.root), request)
            assert done.plan is not None
            assert done.plan.version == self.version
            git(self.root, "merge", "--quiet", "--ff-only", done.plan.branch)
        git(self.root, "push", "--quiet", "origin", "main")

    def put_back(self) -> None:
        for part in self._parts():
            for item in part.iterdir():
                if item.is_dir() and item.name != FOLDER:
                    shutil.rmtree(item)
                elif item.name != FOLDER:
                    item.unlink()
            shutil.copytree(self.kept / part.name, part, dirs_exist_ok=True)
        self.publisher = {
            "kind": "GitHub",
            "repository": self.procedure.slug,
            "workflow": self.procedure.workflow,
            "environment": "pypi",
        }
        forge = self.world.forge
        forge.slug = self.procedure.slug
        forge.replies.clear()
        self.forge_runs({})
        self.forge_environment(("required_reviewers",), None)
        self.attested = True
        self.known = True
        self.world.advisories.clear()

    def judge(self, gate: str, defect: Defect, *, planted: bool) -> Evidence:
        """What a gate says with a defect planted or without it, once for all rows that ask."""
        key = (gate, defect) if planted else (gate, defect.given, defect.level)
        if key not in self.found:
            self.put_back()
            if defect.given:
                defect.given(self)
                self._commit()
            if planted:
                defect.plant(self)
                if defect.committed:
                    self._commit()
            if gate in ONLINE:
                self._go_online()
            evidence = self.root / FOLDER / "evidence" / f"{gate}.json"
            evidence.unlink(missing_ok=True)
            self.found[key] = self.world.judge(self.root, gate, defect.level)
        return self.found[key]

    def _commit(self) -> None:
        commit(self.root, "Planted")
        git(self.root, "push", "--quiet", "--no-verify", "origin", "main")
        if self.name == "openmed":
            git(self.root, "tag", "--force", "--annotate", "--message", "Next", self.tag)

    def _go_online(self) -> None:
        """The remote is on the forge, and releases go to an index that shows who published them."""
        forge, name = self.world.forge, self.name.replace("_", "-")
        path = self.root / "pyproject.toml"
        text = path.read_text(encoding="utf-8")
        text = text.replace(self.index.as_uri(), f"{forge.url}/simple/")
        # Confirmed before the last release, so that what the index shows of that one counts.
        text = text.replace("publisher = 2026-11-01", "publisher = 2025-12-01")
        path.write_text(text, encoding="utf-8")
        address = f"https://github.com/{self.procedure.slug}.git"
        git(self.root, "remote", "set-url", "origin", address)
        forge.commit = commit(self.root, "Look at the world")
        files = [f"{self.name}-{self.previous}{end}" for end in ("-py3-none-any.whl", ".tar.gz")]
        page = "".join(f'<a href="/f/{file}">{file}</a>' for file in files)
        html = {"Content-Type": "text/html"}
        forge.replies["/simple/"] = Reply()
        shown = Reply(
            body=f"<!DOCTYPE html><html><body>{page}</body></html>".encode(), headers=html
        )
        forge.replies[f"/simple/{name}/"] = shown if self.known else Reply(404, b"")
        bundles = [{"publisher": self.publisher, "attestations": [{}]}]
        for file in files:
            forge.replies[f"/integrity/{name}/{self.previous}/{file}/provenance"] = (
                Reply(body={"version": 1, "attestation_bundles": bundles})
                if self.attested
                else refusal(404, "No provenance available")
            )

    # What plants do.

    def git(self, *arguments: str) -> str:
        return git(self.root, *arguments)

    def forge_runs(self, conclusions: Mapping[str, str | None]) -> None:
        """Every workflow succeeded, but for these; those that map to None did not run."""
        ended = dict.fromkeys(RUNS, "success") | dict(conclusions)
        self.world.forge.runs = [
            forge_server.run(name, said, number=number, file=f".github/workflows/{number}.yml")
            for number, (name, said) in enumerate(ended.items(), 1)
            if said is not None
        ]

    def forge_environment(self, rules: tuple[str, ...], tags: tuple[str, ...] | None) -> None:
        policy = (
            None if tags is None else {"protected_branches": False, "custom_branch_policies": True}
        )
        self.world.forge.environments = {
            "pypi": forge_server.environment("pypi", *rules, policy=policy)
        }
        self.world.forge.policies = {
            "pypi": [{"id": 1, "name": tag, "type": "tag"} for tag in tags or ()]
        }

    def no_forge_environment(self) -> None:
        self.world.forge.environments = {}

    def index_knows_nothing(self) -> None:
        self.known = False

    def not_attested(self) -> None:
        self.attested = False

    def index_has(self, name: str, data: bytes) -> None:
        folder = self.index / self.name.replace("_", "-")
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        names = sorted(file.name for file in folder.iterdir() if file.name != "index.html")
        links = [
            f'<a href="{n}#sha256={hashlib.sha256((folder / n).read_bytes()).hexdigest()}">{n}</a>'
            for n in names
        ]
        (folder / "index.html").write_text("\n".join(["<!doctype html>", *links]) + "\n")

    def remote_moves(self) -> None:
        """Somebody else pushes a commit."""
        head = git(self.root, "rev-parse", "HEAD")
        other = git(self.root, "commit-tree", "-p", head, "-m", "Other", f"{head}^{{tree}}")
        git(self.root, "push", "--quiet", "--no-verify", "origin", f"{other}:refs/heads/main")
        git(self.root, "update-ref", "refs/remotes/origin/main", head)

    def advisory(self, package: str) -> None:
        self.world.advisories.append(
            {
                "schema_version": "1.4.0",
                "id": "PLANTED-2026-1",
                "published": "2026-01-01T00:00:00Z",
                "modified": "2026-01-01T00:00:00Z",
                "summary": "Planted.",
                "affected": [
                    {
                        "package": {"ecosystem": "PyPI", "name": package},
                        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
                    }
                ],
            }
        )


@pytest.fixture(scope="module")
def world(tools_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    advisories: list[Any] = []
    empty = tmp_path_factory.mktemp("empty")
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(forge_server, "ForgeServer", Forge)
        patch.setattr(web, "CONNECT_SECONDS", 2)
        patch.setattr(web, "READ_SECONDS", 2)
        forge = stack.enter_context(forge_server.serving(patch, empty))
        osv = stack.enter_context(OsvServer(advisories))
        folder = tmp_path_factory.mktemp("procedures")
        found = World(folder, Judge(tools_folder, shared=False), forge, advisories)
        found.osv_url = osv.url
        yield found


def cases() -> list[Any]:
    marks: Mapping[str, Any] = {
        "docker": pytest.mark.engine,
        "aksara": pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen"),
    }
    return [
        pytest.param(
            procedure,
            row,
            id=f"{procedure.name}: {row.gate}: {row.defect.name}",
            marks=[
                # One worker makes a procedure's bench, and judges all of its rows there.
                pytest.mark.xdist_group(procedure.name),
                *(marks[name] for name in (row.gate, procedure.name) if name in marks),
            ],
        )
        for procedure in PROCEDURES
        for row in procedure.rows
    ]


def said(evidence: Evidence) -> list[str]:
    return [f"{f.path or ''}: {f.message}" for f in evidence.outcome.findings] or [
        f": {evidence.outcome.summary}"
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("procedure", "row"), cases())
def test_the_gate_passes_and_fails_on_the_planted_defect(
    procedure: Procedure, row: Row, world: World, request: pytest.FixtureRequest
) -> None:
    bench, defect = world.bench(procedure), row.defect
    if row.gate == "docker":
        inside: Machine = request.getfixturevalue("machine")
        bench.base_image = inside.base
    clean = bench.judge(row.gate, defect, planted=False)
    assert clean.outcome.status is Status.PASSED, said(clean)
    found = bench.judge(row.gate, defect, planted=True)
    assert found.outcome.status is defect.status, said(found)
    assert any(re.search(defect.says, line) for line in said(found)), said(found)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(one, id=f"{procedure.name}: {one.by}: {one.sentence}")
        for procedure in PROCEDURES
        for one in procedure.after
    ],
)
def test_what_the_world_shows_after_a_release_is_answered(after: After) -> None:
    assert after.said(planted=False) == ""
    assert after.answer in after.said(planted=True)


# The table


def plain(text: str) -> str:
    """Text in Markdown that shows as it is."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", text)


def page() -> str:
    """docs/procedures.md: the table for readers."""
    return "\n".join([HEAD, *map(section, PROCEDURES)])


def section(procedure: Procedure) -> str:
    lines = [f"## {procedure.title}", ""]
    lines += ["| It says | Gate | Set by | Planted defect |", "|---|---|---|---|"]
    lines += [
        f"| {plain(row.sentence)} | `{row.gate}` | {row.settings} |"
        f" {plain(row.defect.name)}{ENDS[row.defect.status]} |"
        for row in procedure.rows
    ]
    lines += ["", "| After the release | Observed by | The world shows | It answers |"]
    lines += ["|---|---|---|---|"]
    lines += [
        f"| {plain(one.sentence)} | `{one.by}` | {plain(one.world)} | {plain(one.answer)} |"
        for one in procedure.after
    ]
    for when, heading in HEADINGS.items():
        chosen = [
            f"- *{plain(one.sentence)}*: {one.does}." for one in procedure.apart if one.when == when
        ]
        lines += ["", heading, "", *chosen] if chosen else []
    claims = [f"- *{plain(one.sentence)}*: {one.holds} (`{one.gate}`)." for one in procedure.claims]
    lines += ["", "What does not hold, and what does:", "", *claims] if claims else []
    return "\n".join([*lines, ""])


HEADINGS = {
    "after": "After the release, too:",
    "person": "A person's part:",
}
HEAD = f"""\
# What five procedures check, and what proves it

Five projects wrote down how they release. Each sentence of theirs that checks something is here,
with the gate that does it, the settings that say it (those of `[tool.release]`; "found" and "none"
need no setting), and the defect that was planted to show that the gate fails. A tilde marks a
defect that leaves the gate unchecked, which stops a release as well, and an asterisk one that is
advice. `tests/test_procedures.py` plants each of them, and `{REWRITE}` writes
this page.
"""
ENDS = {Status.FAILED: "", Status.UNCHECKED: " ~", Status.PASSED: r" \*"}


def test_the_table_shows_what_is_tested() -> None:
    text = page()
    print(text)
    assert PAGE.read_text(encoding="utf-8") == text, f"write it anew: {REWRITE}"


def test_every_gate_of_the_checklist_has_its_sentence() -> None:
    judged = {row.gate for procedure in PROCEDURES for row in procedure.rows}
    assert set(installed()) <= judged


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
