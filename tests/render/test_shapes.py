"""What is rendered: sound by every linter, by our own policy, and whatever the settings say."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, example, given, settings
from hypothesis import strategies as st

from release import render
from release.errors import ConfigurationError
from release.gates.workflows import expectations
from release.gates.workflows.policy import judge
from release.gates.workflows.read import load
from release.model import Status
from release.project import read_project
from release.render import WORKFLOWS
from release.text import yaml
from tests.render.shapes import SHAPES, make_shape, write
from tests.support import PYPROJECT, Judge, commit, make_project, said
from tests.support import write as write_files

HERE = Path(sys.executable).parent
# The default attests in the publishing step alone; verifying before is what strict adds.
UNVERIFIED = {"default": {"verified"}, "chap-checker": {"verified"}}


def rendered(root: Path) -> Path:
    write(root, render.files(read_project(root)))
    return root


def tool(name: str) -> str:
    return str(HERE / name)


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shapes") / str(request.param)
    return rendered(make_shape(root, root.name))


def workflows(root: Path) -> list[str]:
    return sorted(str(path) for path in (root / WORKFLOWS).iterdir())


def test_our_own_policy_finds_nothing(shape: Path) -> None:
    project = read_project(shape)
    loaded = load(project.top)
    assert not loaded.faults
    found = judge(loaded.model, expectations(project))
    assert {breach.rule for breach in found} == UNVERIFIED.get(shape.name, set()), found
    assert not [breach for breach in found if breach.blocks]


def test_the_schema_finds_nothing(shape: Path) -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]
    subprocess.run([*command, *workflows(shape)], check=True, stdout=subprocess.DEVNULL)


def test_the_auditor_persona_of_zizmor_finds_nothing(shape: Path) -> None:
    assert audit(shape) == []


def audit(root: Path) -> list[str]:
    command = [tool("zizmor"), "--offline", "--persona=auditor", "--format=json", "--no-progress"]
    done = subprocess.run(
        [*command, "--no-exit-codes", "--strict-collection", str(root)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [item["ident"] for item in json.loads(done.stdout)]


def test_actionlint_and_shellcheck_find_nothing(shape: Path) -> None:
    path = os.pathsep.join([str(HERE), os.environ["PATH"]])
    env = {**os.environ, "PATH": path}
    done = subprocess.run(
        [tool("actionlint"), "-no-color", *workflows(shape)],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_hook_is_a_shell_script_that_shellcheck_likes(shape: Path) -> None:
    hook = shape / ".githooks/pre-push"
    assert os.access(hook, os.X_OK)
    subprocess.run([tool("shellcheck"), str(hook)], check=True)


def test_nothing_is_left_of_the_templates(shape: Path) -> None:
    for file in render.files(read_project(shape)):
        assert not re.search(r"\[\[|\]\]|\[%|%\]|\[#", file.text), file.path
        assert file.text.endswith("\n")
        assert not re.search(r"\n\n\n|[ \t]\n", file.text), file.path


def test_the_default_fits_one_screen(tmp_path: Path) -> None:
    root = rendered(make_shape(tmp_path / "default", "default"))
    assert (root / WORKFLOWS / "release.yml").read_text().count("\n") <= 54


def test_each_python_that_is_declared_is_tested_on(tmp_path: Path) -> None:
    declared = [f"Programming Language :: Python :: {v}" for v in ("3", "3.9", "3.13", "3.14")]
    named = f'description = "A small thing."\nclassifiers = {json.dumps(declared)}'
    text = PYPROJECT.replace('description = "A small thing."', named)
    root = make_project(tmp_path / "small-thing", {"pyproject.toml": text})
    assert workflow(root, "ci.yml")["jobs"]["test"]["strategy"]["matrix"] == {"python": ["3.14"]}
    write_files(root, {"pyproject.toml": f'{text}\n[tool.release]\npython = "3.13"\n'.encode()})
    assert "test" not in workflow(root, "ci.yml")["jobs"]


def test_a_bill_of_materials_that_no_release_waits_for_is_not_attested(tmp_path: Path) -> None:
    root = make_shape(tmp_path / "ajolopy", "ajolopy")
    with (root / "pyproject.toml").open("a") as file:
        file.write('\n[tool.release.gates.sbom]\nrequired = "never"\n')
    [text] = [f.text for f in render.files(read_project(root)) if f.path.endswith("release.yml")]
    assert "sbom" not in text.replace(".release/sbom/", "")
    assert "steps.contents" not in text


def test_a_session_may_be_called_like_a_job_of_ours(tmp_path: Path) -> None:
    declared = 'classifiers = ["Programming Language :: Python :: 3.12"]\n[project.scripts]'
    names = ["plan", "first", "parts", "then", "preflight", "test", "3.12"]
    chosen = f"[tool.release.workflows]\nrunners = 2\nsessions = {json.dumps(names)}\n"
    text = PYPROJECT.replace("[project.scripts]", declared)
    root = make_project(tmp_path / "small-thing", {"pyproject.toml": f"{text}\n{chosen}"})
    jobs = workflow(root, "ci.yml")["jobs"]
    own = [job for name, job in jobs.items() if name.startswith("session-")]
    assert [job["steps"][-1]["run"] for job in own] == [f"nox -s {name}" for name in names]
    assert {"plan", "first", "parts", "then", "preflight", "test"} < {*jobs}


def workflow(root: Path, name: str) -> Any:
    [text] = [f.text for f in render.files(read_project(root)) if f.path == f"{WORKFLOWS}/{name}"]
    return yaml.load(text)


def test_a_commit_of_the_release_branch_is_judged_whatever_comes_after(tmp_path: Path) -> None:
    group = workflow(make_project(tmp_path / "small-thing"), "ci.yml")["concurrency"]["group"]
    assert group == "ci-${{ github.event.pull_request.number || github.sha }}"


def test_jobs_that_run_code_of_the_project_may_only_read(shape: Path) -> None:
    for path in workflows(shape):
        for name, job in yaml.load(Path(path).read_text())["jobs"].items():
            ran = [step for step in job.get("steps", ()) if "nox" in step.get("run", "")]
            assert not ran or set(job["permissions"].values()) == {"read"}, name


# What settings say


HOSTILE = st.text(
    st.sampled_from("ab1.-_/ '\"`$(){}[]|&;<>!#*?+\\%@:,~é\u2028\x7f☃🦄"), min_size=1, max_size=20
)
NASTY = (
    ("${{ github.event.head_commit.message }}", "main", "v", "s", "x"),
    ("pypi", "main", "v", "s", "${{ secrets.TOKEN }}"),
    ("pypi", "${{ github.head_ref }}", "v", "${{ 1 }}", "x"),
    ("pypi", 'a"]}, x: [b', "v'$(id)", "`id`", "'; id; echo '"),
    ("!!python/object:os.system", "&anchor", "alias!", "#", "-e"),
    ('$(id) " `id` # {a: b}', "a'b|c;d&e", "$IFS-", "\\", "--index-url=$(id)"),
)


def hostile(root: Path, values: tuple[str, ...]) -> tuple[render.Rendered, ...]:
    """What is rendered for an environment, a branch, a tag, a subject, a requirement.

    Raises ConfigurationError.
    """
    keys = ("environment", "branch", "tag", "tag-message", "install")
    said = {
        key: json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        for key, value in zip(
            keys, (*values[:2], f"{values[2]}{{version}}", *values[3:]), strict=True
        )
    }
    text = f"""{PYPROJECT}
[tool.release]
branch = {said["branch"]}
tag = {said["tag"]}
tag-message = {said["tag-message"]}
[tool.release.gates.setup]
environment = {said["environment"]}
[tool.release.workflows]
provenance = "inline"
forge-release = true
install = [{said["install"]}]
"""
    root.mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    return render.files(read_project(root))


@settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.tuples(*[HOSTILE] * 5))
@example(NASTY[3])
@example(NASTY[5])
def test_hostile_settings_stay_texts_or_are_refused(
    tmp_path: Path, values: tuple[str, ...]
) -> None:
    try:
        files = {file.path: file.text for file in hostile(tmp_path / "hostile", values)}
    except ConfigurationError as error:
        event(f"refused: {error.problems[0].message[:30]}")
        return
    found = yaml.load(files[f"{WORKFLOWS}/release.yml"])
    jobs = found["jobs"]
    assert jobs["publish"]["environment"] == values[0].strip()
    assert set(jobs) == {"build", "attest", "verify", "publish", "forge-release"}
    [filter_] = found[True]["push"]["tags"]
    assert re.sub(r"\\(.)", r"\1", filter_) == f"{values[2]}[0-9]*"
    installs = shlex.split(jobs["build"]["steps"][2]["run"])
    assert installs == ["python", "-m", "pip", "install", values[4].strip()]
    ci = yaml.load(files[f"{WORKFLOWS}/ci.yml"])
    assert ci[True]["push"]["branches"] == [values[1].strip()]


def test_hostile_settings_inject_nothing(tmp_path: Path) -> None:
    for number, values in enumerate(NASTY):
        root = tmp_path / str(number)
        refused = any("${{" in value for value in (*values[:2], values[4]))
        with pytest.raises(ConfigurationError) if refused else nullcontext():
            write(root, hostile(root, values))
        if refused:
            continue
        project = read_project(root)
        assert not judge(load(project.top).model, expectations(project))
        hook = (root / ".githooks/pre-push").read_text(encoding="utf-8")
        env = {"PATH": str(tmp_path)}  # where no program is, be it ours or id
        done = subprocess.run(["/bin/sh", "-c", hook], env=env, capture_output=True, text=True)
        assert (done.returncode, done.stderr.count("\n")) == (1, 2), done.stderr
        assert values[4].strip() in shlex.split(done.stderr.split("\n")[1])
    assert audit(tmp_path) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[tool.release.gates.setup]\nworkflow = "../x.yml"\n', "no file that publishes"),
        ('[tool.release.gates.setup]\nworkflow = "ci.yml"\n', "no file that publishes"),
        ('[tool.release.workflows]\ngate = "ci.yml"\n', "another workflow is called"),
        ('[tool.release.workflows]\nsessions = ["a.b", "A-b"]\n', "a.b and A-b, which are one"),
        ("[tool.release.workflows]\nbundles = true\n", "nothing makes bundles"),
        ('[tool.release.workflows]\nci = false\nsessions = ["x"]\n', "which is off"),
        ('[tool.release.workflows]\npostgres = "postgres:18"\n', "tool.release.workflows.postgres"),
        ("[tool.release.workflows]\nimages = true\n", "did you mean 'image'"),
    ],
)
def test_settings_that_make_no_sense_are_named(tmp_path: Path, more: str, message: str) -> None:
    root = make_project(tmp_path / "thing", {"pyproject.toml": f"{PYPROJECT}\n{more}"})
    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        render.files(read_project(root))
    assert caught.value.problems[0].remedy or "postgres" in message


# What the gate says of them


def of_gate(judge: Judge, root: Path, status: Status) -> str:
    commit(root, "Change")
    return said(judge(root, "workflows"), status)


@pytest.mark.network
def test_the_gate_passes_what_is_rendered_and_newer_pins_and_comments(
    tmp_path: Path, judge: Judge
) -> None:
    root = rendered(make_shape(tmp_path / "chap-checker", "chap-checker"))
    path = root / WORKFLOWS / "release.yml"
    text = path.read_text()
    of_gate(judge, root, Status.PASSED)
    older = text.replace(
        "3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
        "9c091bb21b7c1c1d1991bb908d89e4e9dddfe3e0 # v7.0.0",
    )
    assert older != text
    path.write_text(
        older.replace("permissions: {}", "# Nothing unless a job says so.\npermissions: {}")
    )
    of_gate(judge, root, Status.PASSED)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "{contents: write} # to make",
            "{contents: read} # to make",
            "forge-release.permissions.contents is 'read'",
        ),
        ("needs: [build]", "needs: []", "jobs.attest.needs[0] is missing"),
        (
            "          sha256sum --check",
            "          echo --check",
            "jobs.attest.steps[2].run is another text",
        ),
        (
            "@dc37677b2e1c63e2034f94d8a5b11f265b73ba33 # v1.14.2",
            "@release/v1",
            "pypa/gh-action-pypi-publish@release/v1",
        ),
        (
            "  publish:\n",
            "  another:\n    runs-on: x\n  publish:\n",
            "jobs.another is not what the settings make",
        ),
    ],
)
def test_the_gate_names_what_was_changed(old: str, new: str, says: str, tmp_path: Path) -> None:
    from release.gates.workflows.rendered import drift

    root = rendered(make_shape(tmp_path / "ajolopy", "ajolopy"))
    path = root / WORKFLOWS / "release.yml"
    assert not list(drift(read_project(root)))
    path.write_text(path.read_text().replace(old, new, 1))
    found = list(drift(read_project(root)))
    assert any(says in breach.finding.message for breach in found), found
    assert all(breach.blocks and breach.finding.line for breach in found)
    assert "nox -s render" in str(found[0].finding.remedy)


def test_the_gate_names_a_rendered_workflow_that_is_missing(tmp_path: Path, judge: Judge) -> None:
    root = make_shape(tmp_path / "openmed", "openmed")
    assert "is missing" in said(judge(root, "workflows"))


def test_without_its_table_workflows_are_the_projects_own(tmp_path: Path) -> None:
    from release.gates.workflows.rendered import drift

    root = make_shape(tmp_path / "default", "default")
    write_files(root, {f"{WORKFLOWS}/release.yml": "name: Mine\n"})
    assert not list(drift(read_project(root)))


def test_remedies_of_the_policy_name_render(tmp_path: Path) -> None:
    from release.gates.workflows.rendered import with_remedy

    root = rendered(make_shape(tmp_path / "default", "default"))
    project = read_project(root)
    [breach] = with_remedy(judge(load(project.top).model, expectations(project)), ["verified"])
    assert str(breach.finding.remedy).endswith("or let nox -s render write the workflow")
