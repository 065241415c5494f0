from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from release.errors import CannotCheck, Interrupted
from release.gates.docker import (
    GATE,
    Inside,
    Looked,
    containers,
    is_root,
    judge_labels,
    judge_package,
    judge_size,
    judge_user,
    read_inside,
    read_lint,
    read_threshold,
)
from release.gates.docker.containers import (
    Engine,
    Image,
    engine_error,
    exit_program,
    find_engine,
    no_engine,
    read_engine,
    read_failure,
    read_image,
)
from release.gates.docker.dockerfile import instructions
from release.gates.docker.settings import DockerSettings
from release.model import Evidence, Finding, Status
from release.run.checklist import checklist
from release.run.processes import Log, Processes
from release.run.runner import judge_with_needs
from release.run.shell import Shell
from release.text.masking import Mask
from tests.support import PYPROJECT, Judge, make_project

DATA = Path(__file__).parents[2] / "data" / "docker"
COMMIT = "69fa13e58b489dff31194d36d1694fd0c136bbf1"
GOOD = """\
FROM {base}
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.version=$VERSION \\
      org.opencontainers.image.revision=$REVISION
COPY src /srv
ENV PYTHONPATH=/srv
USER 1000
"""
BASE = "registry.example.invalid/base:1"


def saved_build(name: str) -> dict[str, Any]:
    builds: dict[str, dict[str, Any]] = json.loads((DATA / "builds.json").read_text("utf-8"))
    return builds[name]


def failure(name: str) -> containers.Failure:
    saved = saved_build(name)
    return read_failure(
        saved["stdout"], saved["stderr"], "Dockerfile", instructions(saved["dockerfile"])
    )


def messages(findings: list[Finding]) -> str:
    return "\n".join(finding.message for finding in findings)


# What engines print


def test_images_are_read_as_each_engine_describes_them() -> None:
    labels = {
        "io.buildah.version": "1.28.2",
        "org.opencontainers.image.revision": COMMIT,
        "org.opencontainers.image.version": "1.2.3",
    }
    buildah = read_image((DATA / "buildah-inspect.json").read_text("utf-8"))
    assert buildah == Image("1000:1000", labels, 69096448 + 3072)
    podman = read_image((DATA / "podman-inspect.json").read_text("utf-8"))
    assert podman == Image("1000:1000", labels, 69102889)
    docker = read_image((DATA / "docker-inspect.json").read_text("utf-8"))
    assert docker == Image("web:web", {"com.example.some-label": "some-value"}, 1239828)


def test_an_image_without_user_and_labels_is_read() -> None:
    text = '[{"Config": {"Labels": null}, "Size": 5}]'
    assert read_image(text) == Image("", {}, 5)


def test_each_client_names_its_engine() -> None:
    assert read_engine("docker", '{"Version": "28.2.2", "Arch": "arm64"}') == ("28.2.2", "arm64")
    podman = '{"host": {"arch": "amd64"}, "version": {"Version": "4.3.1"}}'
    assert read_engine("podman", podman) == ("4.3.1", "amd64")
    assert read_engine("buildah", '{"host": {"arch": "amd64"}, "store": {}}') == ("", "amd64")


def test_a_docker_client_alone_says_null_which_is_no_engine() -> None:
    with pytest.raises(TypeError):
        read_engine("docker", "null\n")


@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        ("a command fails", 2, ["exit status 3", "collecting", "no such option: --frobnicate"]),
        ("a program is missing", 3, ['"frobnicate": executable file not found']),
        ("a file is missing", 2, ['"/nothere": no such file or directory']),
        ("unknown stage", None, ["COPY --from=builder: no stage"]),
        ("docker: a command fails", 6, ["apt-get clean", "exit code: 100"]),
    ],
)
def test_a_defect_of_the_dockerfile_is_told_with_its_line(
    name: str, line: int | None, words: list[str]
) -> None:
    found = failure(name)
    assert found.cause is None
    assert found.line == line
    for word in words:
        assert word in found.message


def test_the_message_leaves_out_what_the_engine_says_about_itself() -> None:
    message = failure("a command fails").message
    assert "STEP 1" not in message
    assert "subprocess exited" not in message


@pytest.mark.parametrize(
    "name", ["no such host", "short name", "image to copy from", "docker: unreachable",
             "docker: denied"]
)  # fmt: skip
def test_an_image_that_cannot_be_had_is_no_defect_of_the_dockerfile(name: str) -> None:
    assert failure(name).cause == "no base"


def test_an_image_that_its_registry_does_not_have_is_a_defect() -> None:
    assert failure("docker: no such tag").cause == "missing base"


def test_a_command_without_network_is_told_apart_from_one_that_fails() -> None:
    found = failure("command without network")
    assert found.cause == "offline"
    assert "Name or service not known" in found.message


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ('to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused', None),
        ("curl: (7) Failed to connect to localhost port 80: Couldn't connect to server", None),
        ("Cannot connect to proxy: 127.0.0.1:3128: Connection refused", "offline"),
        ("connect to index.invalid port 443 failed: Connection refused", "offline"),
    ],
)
def test_a_server_that_no_step_started_is_no_matter_of_the_network(
    said: str, cause: str | None
) -> None:
    stderr = f'{said}\nError: building at STEP "RUN x": exit status 1\n'
    assert read_failure("", stderr, "Dockerfile", ()).cause == cause


def test_a_command_that_prints_words_of_a_failed_pull_is_a_command_that_fails() -> None:
    stderr = 'Error: building at STEP "RUN echo pull access denied && exit 1": exit status 1\n'
    assert read_failure("pull access denied\n", stderr, "Dockerfile", ()).cause is None


def test_an_engine_whose_storage_fails_says_nothing_of_the_project() -> None:
    stderr = (
        "STEP 9/9: USER app\n"
        'Error: deleting build container "5c8822df29d2": identifier is not a container:'
        " committing container for step {Command:user}: no such thing\n"
    )
    assert read_failure("", stderr, "Dockerfile", ()).cause == "storage"


def test_a_build_that_says_nothing_still_has_a_message() -> None:
    assert read_failure("", "", "Dockerfile", ()).message == "no reason was given"


def test_the_reason_of_a_broken_runtime_is_found_among_the_lines() -> None:
    saved = saved_build("runtime broken")
    done = SimpleNamespace(stdout=saved["stdout"], stderr=saved["stderr"], last_line="x")
    assert "cgroups in hybrid mode not supported" in engine_error(done)  # type: ignore[arg-type]


def test_without_any_client_one_is_to_be_installed() -> None:
    reasons = [f"{client} is not installed" for client in containers.CLIENTS]
    assert no_engine(reasons).reason == (
        "no container engine: none of docker, podman and buildah is installed"
    )
    assert no_engine(reasons).remedy == "install docker, podman or buildah"


def test_clients_without_an_engine_are_each_named_with_their_reason() -> None:
    reasons = ["docker: Cannot connect to the Docker daemon", "podman is not installed"]
    assert no_engine(reasons).reason == (
        "no container engine works: docker: Cannot connect to the Docker daemon;"
        " podman is not installed"
    )
    assert no_engine(reasons).remedy == "start docker's engine, or install podman or buildah"


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the program is for Linux"
)
def test_the_probe_is_a_program_that_ends_well(tmp_path: Path) -> None:
    program = exit_program("amd64")
    assert program is not None
    path = tmp_path / "probe"
    path.write_bytes(program)
    path.chmod(0o755)
    assert subprocess.run([path], check=False).returncode == 0


def test_there_is_no_probe_for_a_machine_that_is_not_known() -> None:
    assert exit_program("s390x") is None
    assert exit_program("arm64") is not None


# What is judged


@pytest.mark.parametrize("user", ["", "root", "0", "0:0", "root:root", "00", ":1000", "root:1000"])
def test_root_is_recognised_in_every_spelling(user: str) -> None:
    assert is_root(user)
    assert judge_user(user, None, (), "Dockerfile")


@pytest.mark.parametrize("user", ["1000", "1000:0", "app", "app:root", "10"])
def test_another_user_is_not_root(user: str) -> None:
    assert not is_root(user)
    assert judge_user(user, 1000, (), "Dockerfile") == []


def test_a_user_of_another_name_with_number_0_is_root() -> None:
    [finding] = judge_user("toor", 0, instructions("FROM a\nUSER toor\n"), "Dockerfile")
    assert finding.message == "the image runs as root: USER is toor, whose number is 0"
    assert finding.line == 2
    assert "tool.release.gates.docker.root" in str(finding.remedy)


@pytest.mark.parametrize("reported", ["1.2.3", "v1.2.3", "1.2.3.0"])
def test_versions_are_compared_as_pep_440_does(reported: str) -> None:
    assert (
        list(judge_package("pkg", "1.2.3", Inside(None, reported, "1.2.3", 1), "Dockerfile")) == []
    )


def test_every_version_that_differs_is_named_with_its_place() -> None:
    found = list(judge_package("pkg", "1.2.3", Inside(None, "1.2.2", "unknown", 1), "Dockerfile"))
    assert [f.message for f in found] == [
        "inside the image pkg is 1.2.2 by __version__, and the project is 1.2.3",
        "inside the image pkg is unknown by its metadata, and the project is 1.2.3",
    ]


def test_a_package_without_any_version_or_import_is_a_defect() -> None:
    none = list(judge_package("pkg", "1.2.3", Inside(None, None, None, 1), "Dockerfile"))
    assert "reports no version" in messages(none)
    broken = list(
        judge_package("pkg", "1.2.3", Inside("ImportError: x", None, "1.2.3", 1), "Dockerfile")
    )
    assert messages(broken) == "import pkg fails inside the image: ImportError: x"


def test_a_dynamic_version_must_only_be_one() -> None:
    assert (
        list(judge_package("pkg", None, Inside(None, None, "1.2.4.dev3+g12", 1), "Dockerfile"))
        == []
    )
    assert list(judge_package("pkg", None, Inside(None, "latest", None, 1), "Dockerfile"))


def labels_of(values: dict[str, str], version: str | None = "1.2.3", text: str = "") -> str:
    looked = Looked("x", Image("", values, 1), Inside(None, "1.2.3", None, 1))
    return messages(
        list(judge_labels(looked, version, COMMIT, instructions(text), "Dockerfile").defects)
    )


VERSION_LABEL = "org.opencontainers.image.version"
REVISION_LABEL = "org.opencontainers.image.revision"


def test_labels_that_state_version_and_commit_are_right() -> None:
    assert labels_of({VERSION_LABEL: "1.2.3", REVISION_LABEL: COMMIT}) == ""
    assert labels_of({VERSION_LABEL: "v1.2.3.0", REVISION_LABEL: COMMIT}) == ""
    assert labels_of({VERSION_LABEL: "1.2.3", REVISION_LABEL: COMMIT}, version=None) == ""


def test_labels_that_are_absent_empty_or_different_are_defects() -> None:
    assert labels_of({}) == (
        f"the image has no label {VERSION_LABEL}\nthe image has no label {REVISION_LABEL}"
    )
    assert labels_of({VERSION_LABEL: "", REVISION_LABEL: COMMIT}) == (
        f"the label {VERSION_LABEL} is empty"
    )
    own = f"LABEL {REVISION_LABEL}=abc"
    assert labels_of({VERSION_LABEL: "1.2.3", REVISION_LABEL: "abc"}, text=own) == (
        f"the label {REVISION_LABEL} is 'abc', and should be {COMMIT}"
    )


def test_a_label_that_came_with_the_base_image_is_told_so() -> None:
    said = labels_of({VERSION_LABEL: "24.04", REVISION_LABEL: COMMIT}, text="FROM ubuntu:24.04\n")
    assert said == (
        f"the label {VERSION_LABEL} is '24.04', and should be 1.2.3 (the base image sets it)"
    )


def test_the_size_is_judged_only_against_a_limit() -> None:
    free = DockerSettings.model_validate({})
    limited = DockerSettings.model_validate({"max-megabytes": 5})
    assert judge_size(9_000_000_000, free, "Dockerfile") == []
    assert judge_size(5_000_000, limited, "Dockerfile") == []
    assert messages(judge_size(5_100_000, limited, "Dockerfile")) == (
        "the image has 5.1 MB, and 5 are allowed"
    )


def test_what_the_python_inside_saw_is_found_in_its_output() -> None:
    output = 'noise\n\nnox-release:{"uid": 0, "attribute": "1.0", "metadata": "1.1"}\n'
    assert read_inside(output) == Inside(None, "1.0", "1.1", 0)
    assert read_inside("noise\n") is None


@pytest.mark.parametrize(
    ("threshold", "defects", "notes"),
    [
        ("error", ["DL4000"], ["DL3007", "DL3003", "DL3059"]),
        ("warning", ["DL3007", "DL4000", "DL3003"], ["DL3059"]),
        ("info", ["DL3007", "DL4000", "DL3003", "DL3059"], []),
        ("none", [], ["DL3007", "DL4000", "DL3003", "DL3059"]),
    ],
)
def test_findings_of_hadolint_fail_from_the_threshold_on(
    threshold: str, defects: list[str], notes: list[str]
) -> None:
    text = (DATA / "hadolint.json").read_text("utf-8")
    found = read_lint(text, threshold, "Dockerfile")
    parts = (found.defects, found.notes)
    assert [[f.message.partition(":")[0] for f in part] for part in parts] == [defects, notes]


def test_a_finding_of_hadolint_names_file_line_and_what_to_do() -> None:
    text = (DATA / "hadolint.json").read_text("utf-8")
    defects = read_lint(text, "error", "Dockerfile").defects
    assert (defects[0].path, defects[0].line) == ("Dockerfile", 2)
    assert defects[0].message == "DL4000: MAINTAINER is deprecated"
    assert ".hadolint.yaml" in str(defects[0].remedy)


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("", "warning"),
        ("ignored: [DL3007]\n", "warning"),
        ("failure-threshold: error\n", "error"),
        ("failure-threshold: none\n", "none"),
        ("no-fail: true\n", "none"),
        ("- DL3007\n", "warning"),
        ("ignored: [\n", "none"),
    ],
)
def test_the_threshold_comes_from_the_projects_own_configuration(text: str, threshold: str) -> None:
    assert read_threshold(text) == threshold


# The gate without an engine


def path_with(folder: Path, **programs: str) -> str:
    """A PATH with git and nothing else but these shell scripts."""
    folder.mkdir()
    found = shutil.which("git")
    assert found is not None
    (folder / "git").symlink_to(found)
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return str(folder)


NO_DAEMON = "echo 'Cannot connect to the Docker daemon. Is it running?' >&2; exit 1"


def make(tmp_path: Path, dockerfile: str, settings: str = "", **files: str) -> Path:
    table = f"\n[tool.release.gates.docker]\n{settings}\n" if settings else ""
    return make_project(
        tmp_path / "small-thing",
        {"Dockerfile": dockerfile, "pyproject.toml": PYPROJECT + table, **files},
    )


def test_a_project_without_a_dockerfile_has_no_image_to_judge(project: Path, judge: Judge) -> None:
    outcome = judge(project, "docker").outcome
    assert outcome.status is Status.NOT_APPLICABLE
    assert "no Dockerfile or Containerfile" in outcome.summary


@pytest.mark.network
def test_without_any_client_the_gate_is_unchecked(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    outcome = judge(make(tmp_path, GOOD.format(base=BASE)), "docker").outcome
    assert outcome.status is Status.UNCHECKED
    assert "none of docker, podman and buildah is installed" in outcome.summary
    assert "install" in str(outcome.findings[0].remedy)


@pytest.mark.network
def test_a_client_without_its_engine_is_unchecked_with_what_it_said(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin", docker=NO_DAEMON))
    outcome = judge(make(tmp_path, GOOD.format(base=BASE)), "docker").outcome
    assert outcome.status is Status.UNCHECKED
    assert "Cannot connect to the Docker daemon" in outcome.summary
    assert "start docker's engine" in str(outcome.findings[0].remedy)


@pytest.mark.network
def test_an_engine_that_answers_and_can_run_nothing_is_none(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = saved_build("runtime broken")["stderr"]
    (tmp_path / "said").write_text(said, encoding="utf-8")
    script = f"""\
case "$1" in
info) echo '{{"host": {{"arch": "amd64"}}, "version": {{"Version": "4.3.1"}}}}' ;;
build) while read -r line; do echo "$line" >&2; done < {tmp_path}/said; exit 1 ;;
esac"""
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin", podman=script))
    outcome = judge(make(tmp_path, GOOD.format(base=BASE)), "docker").outcome
    assert outcome.status is Status.UNCHECKED
    assert "podman: error running container" in outcome.summary


@pytest.mark.network
def test_what_hadolint_finds_fails_even_where_no_image_can_be_built(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    text = GOOD.format(base="python:latest")
    advice = judge(make(tmp_path / "a", text), "docker").outcome
    assert (advice.status, len(advice.advice)) == (Status.UNCHECKED, 1)
    evidence = judge(make(tmp_path / "b", text, **{".hadolint.yaml": "ignored: []\n"}), "docker")
    assert evidence.outcome.status is Status.FAILED
    assert messages(list(evidence.outcome.findings)) == (
        "DL3007: Using latest is prone to errors if the image will ever update."
        " Pin the version explicitly to a release tag\n"
        "not checked: no container engine: none of docker, podman and buildah is"
        " installed"
    )
    assert (evidence.outcome.findings[0].path, evidence.outcome.findings[0].line) == (
        "Dockerfile",
        1,
    )


@pytest.mark.network
def test_hadolint_follows_the_projects_configuration_and_not_the_users(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".hadolint.yaml").write_text("ignored: [DL4000]\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    text = GOOD.format(base="python:latest") + "MAINTAINER somebody\n"
    root = make(tmp_path, text, **{".hadolint.yaml": "ignored: [DL3007]\n"})
    found = messages(list(judge(root, "docker").outcome.findings))
    assert "DL4000" in found
    assert "DL3007" not in found


@pytest.mark.network
def test_a_configuration_that_hadolint_cannot_read_is_a_defect(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    texts = ("ignored: 5\n", "- DL3007\n", "ignored: [\n", "failure-threshold: sometimes\n")
    for number, text in enumerate(texts):
        root = make(tmp_path / str(number), GOOD.format(base=BASE), **{".hadolint.yaml": text})
        outcome = judge(root, "docker").outcome
        assert outcome.status is Status.FAILED, text
        assert outcome.findings[0].path == ".hadolint.yaml"
        assert "none of it counts" in outcome.findings[0].message


def test_a_dockerfile_that_git_ignores_is_in_no_release(tmp_path: Path, judge: Judge) -> None:
    root = make(tmp_path, GOOD.format(base=BASE), **{".gitignore": "Dockerfile\n"})
    outcome = judge(root, "docker").outcome
    assert outcome.status is Status.FAILED
    assert outcome.findings[0].message == "is ignored by git, so no release holds it"


def test_a_dockerfile_or_context_that_settings_name_wrongly_is_a_defect(
    tmp_path: Path, judge: Judge
) -> None:
    file = judge(make(tmp_path / "a", "FROM a\n", 'file = "Dockerfle"'), "docker").outcome
    assert (file.status, file.findings[0].path) == (Status.FAILED, "Dockerfle")
    assert file.findings[0].message == "does not exist"
    context = judge(make(tmp_path / "b", "FROM a\n", 'context = "images"'), "docker").outcome
    assert context.status is Status.FAILED
    assert "the build context images" in context.findings[0].message


# The gate with a real engine


# Of the standard library what these tests can do without, to keep the base image small.
UNUSED = (
    "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "ensurepip", "lib2to3",
    "turtledemo", "pydoc_data", "config-*", "*.a", "*.opt-*.pyc", "asyncio", "multiprocessing",
    "unittest", "xml", "xmlrpc", "sqlite3", "dbm", "curses", "wsgiref", "distutils", "venv",
    "_test*", "_tkinter*", "_sqlite3*", "_codecs_*", "_curses*", "_ssl*", "_decimal*",
)  # fmt: skip


def copy_python(root: Path) -> None:
    """Put this Python, a shell and the libraries of both below `root`: a base image's content."""
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    inside = root / library.relative_to("/")
    shutil.copytree(library, inside, ignore=shutil.ignore_patterns(*UNUSED))
    programs = [python, Path("/bin/sh")]
    extensions = (inside / "lib-dynload").glob("*.so")
    ldd: list[str | Path] = ["ldd", *programs, *extensions]
    listed = subprocess.run(ldd, capture_output=True, text=True, check=False).stdout
    for name in {*programs, *map(Path, re.findall(r"(?<=\s)/\S+(?= \(0x)", listed))}:
        target = root / name.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(name, target)
    links = root / "usr/local/bin"
    links.mkdir(parents=True, exist_ok=True)
    (links / "python").symlink_to(python)
    (root / "etc").mkdir(exist_ok=True)
    accounts = ["root:x:0:0::/:/bin/sh", "toor:x:0:0::/:/bin/sh", "app:x:1000:1000::/:/bin/sh"]
    (root / "etc/passwd").write_text("\n".join([*accounts, ""]), encoding="utf-8")
    (root / "tmp").mkdir(mode=0o1777)


def make_shell(folder: Path, log: Log) -> Shell:
    return Shell(
        gate=GATE,
        root=folder,
        folder=folder,
        environments=folder,
        cache=folder,
        timeout=120,
        processes=Processes(),
        log=log,
        needed={},
        level=None,
        now=datetime.now(UTC),
    )


LISTS = {
    "docker": (("image", "ls", "--format", "json"), ("ps", "--all", "--format", "json")),
    "podman": (("images", "--format", "json"), ("ps", "--all", "--external", "--format", "json")),
    "buildah": (("images", "--json"), ("containers", "--all", "--json")),
}


class Machine:
    """A working engine, and the name of a base image with Python in it."""

    def __init__(self, engine: Engine, base: str) -> None:
        self.engine = engine
        self.base = base

    def left(self, root: Path) -> list[str]:
        """What is left of the images and containers that judging the project in `root` named.

        Of containers without such a name, those that were made from the base image count.
        """
        log = (root / ".release/logs/docker.log").read_text("utf-8")
        images, running = (self.engine._aside(*words) for words in LISTS[self.engine.client])
        assert self.base in images, "the engine lists no images"
        made = set(re.findall(r"nox-release[:-][0-9a-f]{12}", log)) - {self.base.split("/")[1]}
        assert len(made) >= 2, "the log names no images"
        left = sorted(name for name in made if name in images or name in running)
        return left + ([self.base] if self.base in running else [])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if sys.platform != "linux":
        pytest.skip("the base image is made of this machine's own Python, so it takes Linux")
    folder = tmp_path_factory.mktemp("base")
    log = Log(folder / "log", Mask())
    shell = make_shell(folder, log)
    try:
        engine = find_engine(shell)
    except CannotCheck as error:
        log.close()
        pytest.skip(f"{error.reason} ({error.remedy})")
    content = folder / "content"
    copy_python(content)
    (folder / "Dockerfile").write_text(
        "FROM scratch\nCOPY content /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n", encoding="utf-8"
    )
    with engine.temporary_image() as image:
        done = engine.build(image, folder)
        assert done.status == 0, done.stderr
        shutil.rmtree(content)
        yield Machine(engine, image)
    shell.close()
    log.close()


@pytest.fixture
def judged(machine: Machine, tmp_path: Path, judge: Judge) -> Iterator[Callable[..., Evidence]]:
    """Judge a project with this Dockerfile; nothing of it may be left in the engine."""

    def judged(dockerfile: str, settings: str = "", **files: str) -> Evidence:
        text = dockerfile.replace("{base}", machine.base)
        filled = {name: content.replace("{base}", machine.base) for name, content in files.items()}
        return judge(make(tmp_path, text, settings, **filled), "docker")

    yield judged
    assert machine.left(tmp_path / "small-thing") == []


def engine_test(function: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that needs a container engine, and the index for hadolint."""
    marked: Callable[..., None] = pytest.mark.engine(pytest.mark.network(function))
    return marked


def wait_for(pattern: str, log: Path) -> None:
    """Wait until a log says so; engines number the steps of a build in different ways."""
    until = time.monotonic() + 60
    while not log.exists() or not re.search(pattern, log.read_text("utf-8")):
        assert time.monotonic() < until, "the build did not come that far"
        time.sleep(0.01)


@engine_test
def test_a_good_image_passes(judged: Callable[..., Evidence], machine: Machine) -> None:
    evidence = judged(GOOD.replace("USER 1000", "USER app"))
    assert evidence.outcome.status is Status.PASSED, evidence.outcome
    assert evidence.outcome.checked == 7
    assert "small_thing 1.2.3 imports, user app" in evidence.outcome.summary
    # What hadolint only hints at (here a user without a number) is noted.
    assert [f.message.partition(":")[0] for f in evidence.outcome.notes] == ["DL3066"]
    assert int(evidence.outcome.facts["bytes"]) > 10_000_000
    assert machine.engine.client in evidence.tools


@pytest.mark.slow
@engine_test
def test_a_package_that_does_not_import_fails(judged: Callable[..., Evidence]) -> None:
    outcome = judged(GOOD.replace("ENV PYTHONPATH=/srv\n", "")).outcome
    assert outcome.status is Status.FAILED
    assert messages(list(outcome.findings)) == (
        "import small_thing fails inside the image:"
        " ModuleNotFoundError: No module named 'small_thing'"
    )


@pytest.mark.slow
@engine_test
def test_an_older_package_in_the_image_fails(judged: Callable[..., Evidence]) -> None:
    stale = {"stale/small_thing/__init__.py": '__version__ = "1.2.2"\n'}
    outcome = judged(GOOD.replace("COPY src /srv", "COPY stale /srv"), **stale).outcome
    assert messages(list(outcome.findings)) == (
        "inside the image small_thing is 1.2.2 by __version__, and the project is 1.2.3"
    )


@pytest.mark.slow
@engine_test
def test_an_image_that_runs_as_root_is_advice_unless_that_is_set(
    judged: Callable[..., Evidence],
) -> None:
    outcome = judged(GOOD.replace("USER 1000", "USER toor")).outcome
    assert outcome.status is Status.PASSED
    assert [(f.message, f.line) for f in outcome.findings] == [
        ("the image runs as root: USER is toor, whose number is 0", 8)
    ]


@pytest.mark.slow
@engine_test
def test_missing_and_wrong_labels_are_advice_unless_they_are_set(
    judged: Callable[..., Evidence],
) -> None:
    text = re.sub(r"LABEL (?s:.*?)REVISION\n", "LABEL org.opencontainers.image.version=0.1\n", GOOD)
    outcome = judged(text).outcome
    assert [(f.message, f.line) for f in outcome.findings] == [
        ("the label org.opencontainers.image.version is '0.1', and should be 1.2.3", 4),
        ("the image has no label org.opencontainers.image.revision", None),
    ]


@pytest.mark.slow
@engine_test
def test_an_image_that_is_too_large_fails(judged: Callable[..., Evidence]) -> None:
    outcome = judged(GOOD, "max-megabytes = 1").outcome
    assert re.fullmatch(
        r"the image has \d+\.\d MB, and 1 are allowed", messages(list(outcome.findings))
    )


@pytest.mark.slow
@engine_test
def test_what_hadolint_finds_fails_an_image_that_is_fine(
    judged: Callable[..., Evidence],
) -> None:
    configured = {".hadolint.yaml": "ignored: []\n"}
    outcome = judged(GOOD + "MAINTAINER somebody\n", **configured).outcome
    assert outcome.status is Status.FAILED
    assert messages(list(outcome.findings)) == "DL4000: MAINTAINER is deprecated"


@engine_test
def test_a_command_that_fails_in_the_build_is_told_with_line_and_output(
    judged: Callable[..., Evidence],
) -> None:
    outcome = judged(GOOD + "RUN echo no such option && exit 3\n").outcome
    assert outcome.status is Status.FAILED
    [finding] = outcome.findings
    assert finding.message.startswith("the image does not build: ")
    assert "no such option" in finding.message
    assert (finding.path, finding.line) == ("Dockerfile", 9)


@engine_test
def test_a_base_image_that_cannot_be_pulled_leaves_the_gate_unchecked(
    judged: Callable[..., Evidence],
) -> None:
    outcome = judged(GOOD.replace("{base}", BASE)).outcome
    assert outcome.status is Status.UNCHECKED
    assert outcome.summary.startswith("a base image cannot be pulled: ")
    assert "registry.example.invalid" in outcome.summary


@pytest.mark.slow
@engine_test
def test_an_image_without_the_interpreter_fails(judged: Callable[..., Evidence]) -> None:
    outcome = judged(GOOD, 'python = "python9"').outcome
    assert messages(list(outcome.findings)) == "the image has no program python9"
    assert "docker] python" in str(outcome.findings[0].remedy)


@pytest.mark.slow
@engine_test
def test_settings_say_how_the_image_is_built_and_judged(judged: Callable[..., Evidence]) -> None:
    text = (
        'FROM {base} AS app\nARG PLACE\nCOPY small_thing "/srv/$PLACE/small_thing"\n'
        'ENV PYTHONPATH="/srv/$PLACE"\nFROM app AS later\nRUN exit 1\n'
    )
    settings = (
        'file = "images/App.Dockerfile"\ncontext = "src"\ntarget = "app"\nroot = true\n'
        'labels = false\nmax-megabytes = 5000\npython = "/usr/local/bin/python"\n'
        'build-args = { PLACE = "a b" }\n'
    )
    evidence = judged("FROM nothing\n", settings, **{"images/App.Dockerfile": text})
    assert evidence.outcome.status is Status.PASSED, evidence.outcome
    assert evidence.outcome.checked == 5
    assert "user root" in evidence.outcome.summary


@pytest.mark.slow
@engine_test
def test_the_context_is_a_clean_copy_with_a_repository_of_its_own(
    judged: Callable[..., Evidence],
) -> None:
    look = (
        "import os; from pathlib import Path; git = Path('/all/.git');"
        " assert not (git / 'objects/info/alternates').exists(), 'borrows objects';"
        " assert list((git / 'objects/pack').glob('*.pack')), 'has no objects';"
        " assert not Path('/all/dist').exists(), 'ignored files are there'"
    )
    text = GOOD.replace("USER", f'COPY . /all\nRUN ["python", "-c", "{look}"]\nUSER')
    outcome = judged(text, **{"dist/old.whl": "stale"}).outcome
    assert outcome.status is Status.PASSED, outcome


@pytest.mark.slow
@engine_test
def test_a_secret_argument_is_used_and_never_shown(
    judged: Callable[..., Evidence], tmp_path: Path
) -> None:
    secret = "hunter" + "2" * 8
    used = f"import os; assert os.environ['INDEX_TOKEN'] == '{secret[:6]}' + '2' * 8"
    text = GOOD + f'ARG INDEX_TOKEN\nRUN ["python", "-c", "{used}"]\nRUN echo "$INDEX_TOKEN"\n'
    ignore = {".hadolint.yaml": "ignored: [DL3059, DL3064]\n"}
    evidence = judged(text, f'build-args = {{ INDEX_TOKEN = "{secret}" }}', **ignore)
    assert evidence.outcome.status is Status.PASSED, evidence.outcome
    folder = tmp_path / "small-thing" / ".release"
    for path in (folder / "logs/docker.log", folder / "evidence/docker.json"):
        assert secret not in path.read_text("utf-8")
    assert any("INDEX_TOKEN" in command for command in evidence.commands)


@pytest.mark.slow
@engine_test
def test_a_build_that_hangs_is_stopped_and_leaves_nothing(
    judged: Callable[..., Evidence],
) -> None:
    hang = 'RUN ["python", "-c", "import time; time.sleep(300)"]\n'
    outcome = judged(GOOD + hang, "timeout = 8").outcome
    assert outcome.status is Status.UNCHECKED
    # On a busy machine the time is over before the build begins.
    assert re.search(r"was stopped after|its time limit of 8 s", outcome.summary)


@pytest.mark.slow
@engine_test
def test_an_interrupted_build_leaves_nothing(
    machine: Machine, tmp_path: Path, judge: Judge
) -> None:
    hang = 'RUN ["python", "-c", "import time; time.sleep(300)"]\n'
    root = make(tmp_path, f"FROM {machine.base}\n{hang}")
    run = judge.run(root)
    gates = checklist(run.project)

    def interrupt() -> None:
        wait_for(r"2/2\W+RUN", root / ".release/logs/docker.log")
        run.cancel()

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    evidence = judge_with_needs(run, gates["docker"], gates)["docker"]
    thread.join(10)
    assert evidence.outcome.status is Status.UNCHECKED
    assert evidence.outcome.summary == "interrupted"
    assert machine.left(root) == []


@pytest.mark.slow
@engine_test
def test_a_build_that_is_killed_while_it_copies_leaves_no_container(
    machine: Machine, tmp_path: Path
) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(4_000_000_000)
    (tmp_path / "Dockerfile").write_text(f"FROM {machine.base}\nCOPY large /\n", encoding="utf-8")
    path = tmp_path / "log"
    log = Log(path, Mask())
    shell = make_shell(tmp_path, log)
    engine = find_engine(shell)

    def interrupt() -> None:
        wait_for(r"2/2\W+COPY", path)
        shell.processes.cancel()

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(Interrupted), engine.temporary_image() as image:
        engine.build(image, tmp_path)
    shell.close()
    log.close()
    assert machine.base not in engine._aside(*LISTS[engine.client][1])


@pytest.mark.slow
@engine_test
def test_no_container_is_made_that_a_stopped_build_of_another_run_could_take_for_its_own(
    machine: Machine, tmp_path: Path
) -> None:
    if machine.engine.client == "docker":
        pytest.skip("docker's engine clears up after its builds by itself")
    (tmp_path / "Dockerfile").write_text(
        f'FROM {machine.base}\nRUN ["python", "-c", "import time; time.sleep(300)"]\n', "utf-8"
    )
    logs = [Log(tmp_path / name, Mask()) for name in ("build.log", "run.log")]
    builder, runner = (make_shell(tmp_path, log) for log in logs)
    building, running = find_engine(builder), find_engine(runner)
    printed: list[str] = []

    def build() -> None:
        with pytest.raises(Interrupted), building.temporary_image() as image:
            building.build(image, tmp_path)

    def run() -> None:
        printed.append(running.run(machine.base, "python", "-c", "print('alive')").stdout)

    threads = [threading.Thread(target=build), threading.Thread(target=run)]
    threads[0].start()
    wait_for(r"2/2\W+RUN", tmp_path / "build.log")
    threads[1].start()
    threads[1].join(1)
    assert not printed
    builder.processes.cancel()
    for thread in threads:
        thread.join()
    for shell, log in zip((builder, runner), logs, strict=True):
        shell.close()
        log.close()
    assert printed == ["alive\n"]


@pytest.mark.slow
@engine_test
def test_a_client_without_an_engine_is_passed_over_for_one_that_works(
    judged: Callable[..., Evidence],
    machine: Machine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = containers.CLIENTS[: containers.CLIENTS.index(machine.engine.client)]
    if not before:
        pytest.skip("docker works here, and is asked first")
    shims = path_with(tmp_path / "bin", **dict.fromkeys(before, NO_DAEMON))
    monkeypatch.setenv("PATH", os.pathsep.join([shims, os.environ["PATH"]]))
    evidence = judged(GOOD)
    assert evidence.outcome.status is Status.PASSED
    assert ("docker", *containers.ASK["docker"]) in evidence.commands
    assert evidence.outcome.facts["engine"].startswith(machine.engine.client)
