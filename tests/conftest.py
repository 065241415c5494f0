from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

from release.run.runner import CI_RUNS
from tests.support import GIT_ENVIRONMENT, Judge, make_project

# Times are measured in bench/; on a loaded machine they say nothing of an example.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_configure() -> None:
    """Let interruptions arrive where a shell that runs this in the background had them ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Half as many workers again as processors: tests wait for tools, servers and disks."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return ((psutil.cpu_count() or 1) * 3 + 1) // 2


@pytest.fixture(autouse=True)
def _quiet_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the caller's git configuration or on whether it runs in CI."""
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in (
        "CI",
        "GITHUB_ACTIONS",
        "GITHUB_STEP_SUMMARY",
        "GITLAB_CI",
        "GITHUB_EVENT_NAME",
        "CI_PIPELINE_SOURCE",
        *CI_RUNS,
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def tools_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of tool environments for the whole run, shared by parallel workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "tools"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def judge(tools_folder: Path) -> Judge:
    return Judge(tools_folder)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project under git that every gate likes."""
    return make_project(tmp_path / "small-thing")
