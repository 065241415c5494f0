"""Makes a release in a scene of its own, step by step, up to installing what was published."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from release.change.publishing import TOOLS, publish
from release.change.releasing import Done, cut, dry_cut
from release.change.situation import Request
from release.errors import CannotCheck, ReleaseError
from release.model import Plan, Status, Verdict
from release.observe.expected import expected
from release.observe.status import Scene as Observed
from release.observe.status import observed
from release.observe.verify import verify
from release.project.git import git
from release.rehearse import workflow
from release.rehearse.faults import REPORT, faults, finish, outcome, run_until
from release.rehearse.index import LoopbackIndex
from release.rehearse.scene import Scene, set_scene
from release.run.cache import VARIABLE
from release.run.checklist import Report
from release.run.environments import variables
from release.run.installed import python_for
from release.run.runner import Listener as Judging
from release.run.runner import Run, open_shell
from release.run.scratch import scratch
from release.run.store import Store
from release.world.standing import stand


@dataclass(frozen=True)
class Step:
    """One step that was rehearsed: what it did, in sentences, and how long it took in seconds.

    `made` is whether it could be made to its end here.
    """

    name: str
    said: tuple[str, ...]
    seconds: float
    made: bool = True


class Said(list[str]):
    """What a step has said so far, and whether it could be made."""

    made = True


class Listener(Judging, Protocol):
    """Hears of the steps, and of the gates while they are judged."""

    def begun(self, step: str) -> None: ...
    def done(self, step: Step) -> None: ...
    def judged(self, report: Report) -> None: ...


@dataclass
class Rehearsal:
    """A rehearsal that goes on: the scene, and what has been done in it.

    `run` is what judged the real project: its cache of tools serves here, too.
    """

    run: Run
    request: Request
    folder: Path
    listener: Listener
    steps: list[Step] = field(default_factory=list)

    def whole(self, *, with_faults: bool = False) -> None:
        """Every step in its order. Raises ReleaseError at the first that would not be made."""
        plan = self.plan()
        scene = self.set_scene()
        self.cut(scene)
        self.workflow(scene)
        with LoopbackIndex(scene.index) as index:
            self.publish(scene, index)
            self.verify(scene, index)
        if with_faults:
            self.faults(scene, plan)

    @contextmanager
    def step(self, name: str) -> Iterator[Said]:
        """Time a step; what is put into the list is what it said."""
        self.listener.begun(name)
        said = Said()
        started = time.monotonic()
        yield said
        done = Step(name, tuple(said), time.monotonic() - started, said.made)
        self.steps.append(done)
        self.listener.done(done)

    def run_in(self, scene: Scene, index: str | None = None) -> Run:
        """What judges and changes the clone."""
        project = scene.project(self.run.project.extra, index)
        projects = self.folder / "environments"
        return replace(self.run, project=project, store=Store(scene.root), projects=projects)

    def plan(self) -> Plan:
        """What the real release would do here: whatever the repository refuses is refused now."""
        with self.step("plan") as said:
            plan = dry_cut(self.run.project, self.request, self.run.cache)
            said += _files(plan)
            return plan

    def set_scene(self) -> Scene:
        with self.step("copy") as said:
            scene = set_scene(self.run.project, self.folder)
            said.append("a clone of this commit, with a remote and an index beside it")
            return scene

    def cut(self, scene: Scene) -> None:
        """Make the release in the clone. Raises ReleaseError where the checklist is not ready."""
        with self.step("cut") as said:
            done = self._cut(scene)
            if done.plan is not None and done.plan.new_branch:
                said += done.said
                _merge(scene, self.run.project.settings.remote, done.plan)
                done = self._cut(scene)
            said += [line for line in done.said if not line.startswith("next: ")]
            said += _made(done)

    def workflow(self, scene: Scene) -> None:
        """Run the workflow that the tag starts, where act is here and we rendered it.

        Raises ReleaseError where it would fail.
        """
        run = self.run_in(scene)
        why = workflow.lacks(run.project)
        if why == "":
            return
        with self.step("workflow") as said:
            try:
                if why is None:
                    said += workflow.rehearse(run, self.folder / "workflow")
            except CannotCheck as error:
                why = f"not run to its end: {error.reason} ({error.remedy})"
            if why is not None:
                said.append(why)
                said.made = False

    def publish(self, scene: Scene, index: LoopbackIndex) -> None:
        """Upload what was built, and again: the same bytes change nothing."""
        with self.step("publish") as said, credentials():
            run = self.run_in(scene, index.simple)
            published = publish(run, index.upload, index.simple)
            said += [f"{name}: taken by an index with PyPI's rules" for name in published.sent]
            again = publish(run, index.upload, index.simple)
            said.append(f"uploaded again: {len(again.there)} there already, {len(again.sent)} sent")

    def verify(self, scene: Scene, index: LoopbackIndex) -> None:
        """Install what is served by its name, import it, and compare. Raises ReleaseError."""
        with self.step("verify") as said:
            run = self.run_in(scene, index.simple)
            wanted = replace(expected(run.project, None), promised=False, image=None, archive=False)
            with open_shell(run, TOOLS) as shell:
                found = verify(shell, wanted, python=python_for(run.project), rehearsed=True)
            outcome = found.outcome()
            if outcome.status is not Status.PASSED:
                raise ReleaseError(*outcome.findings)
            said += [
                f"{part.title}: {part.judgement.checked or 'nothing to be'} checked"
                for part in found.parts
            ]
            seen = observed(Observed(run.project, wanted, datetime.now(UTC)))
            standing = stand(seen, run.project.settings.recovery)
            said.append(f"status would say next: {standing.what}")

    def faults(self, whole: Scene, plan: Plan) -> None:
        """Make the release again in a scene of its own, and kill it after each of its steps.

        Raises ReleaseError where it does not end as the undisturbed one did.
        """
        folder = self.folder / "faults"
        folder.mkdir()
        # What is killed leaves temporary files. Other accounts may pass: a database runs as one.
        with self.step("faults") as said, scratch("rehearsal", mode=0o711) as temporary:
            scene = set_scene(self.run.project, folder)
            command = self._command(folder)
            environ = {VARIABLE: str(_lent(self.run.cache, folder))}
            environ |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
            if plan.tag is None:  # it is made when the pull request is merged
                finish(command, environ, scene)
                _merge(scene, self.run.project.settings.remote, plan)
                plan = dry_cut(self.run_in(scene).project, self.request, self.run.cache)
            assert plan.tag is not None
            for fault in faults(plan.tag, with_commit=plan.commit_message is not None):
                killed = run_until(command, environ, scene, fault)
                said.append(f"{'killed' if killed else 'over'} when {fault.after}")
            finish(command, environ, scene)
            wanted, found = outcome(whole, plan.tag.name), outcome(scene, plan.tag.name)
            other = [name for name in wanted if wanted[name] != found[name]]
            if other:
                why = f"killed and run again, the release differs: {', '.join(other)}"
                raise ReleaseError.of(why, remedy=REPORT)
            said.append("and it ended in the same files, commit, tag and remote")

    def _command(self, folder: Path) -> list[str]:
        words = ["cut", "--", str(self.request.step)]
        if self.request.subject is not None:
            words += ["--subject", self.request.subject]
        if self.request.notes is not None:
            notes = folder / "notes.md"
            notes.write_text(self.request.notes, encoding="utf-8")
            words += ["--notes", str(notes)]
        return words

    def _cut(self, scene: Scene) -> Done:
        run = self.run_in(scene)
        done = cut(run, self.request, self.listener, self.listener.judged)
        if done.report is not None and done.report.verdict is not Verdict.READY:
            raise ReleaseError.of(
                f"the checklist of the rehearsed release is {done.report.verdict}",
                remedy="see above; nothing was changed here",
            )
        return done


def _files(plan: Plan) -> Iterator[str]:
    yield f"{plan.name} {plan.previous or '(no version in files)'} → {plan.version}"
    for edit in plan.edits:
        yield f"edits {edit.path}"
    if plan.commit_message:
        yield f"commits {plan.commit_message.splitlines()[0]!r} on {plan.branch}"
    if plan.tag is not None:
        yield f"tags {plan.tag.name}: {plan.tag.message.splitlines()[0]!r}"


def credentials() -> AbstractContextManager[None]:
    """Let twine have a name and a password, and no proxy, for the index on loopback."""
    own = {"TWINE_USERNAME": "rehearsal", "TWINE_PASSWORD": token_hex(16)}
    return variables(own | dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"))


def _lent(cache: Path, folder: Path) -> Path:
    """A cache of environments that has the tools of another, and is gone with the rehearsal."""
    lent = folder / "cache"
    lent.mkdir(mode=0o700)
    if (cache / "tools").is_dir():
        (lent / "tools").symlink_to(cache / "tools", target_is_directory=True)
    return lent


def _made(done: Done) -> Iterator[str]:
    """The files that the release would come with."""
    for evidence in done.report.gates if done.report else ():
        for artifact in evidence.outcome.artifacts:
            yield f"{evidence.gate} made {artifact.name}, {artifact.size:,} bytes"


def _merge(scene: Scene, remote: str, plan: Plan) -> None:
    """Merge the pull request, as a person would after its review."""
    branch = git(scene.top, "branch", "--show-current").stdout.strip()
    git(scene.top, "push", "--quiet", remote, f"{plan.branch}:refs/heads/{branch}", timeout=600)
    git(scene.top, "pull", "--quiet", "--ff-only", remote, branch, timeout=600)
