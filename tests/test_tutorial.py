"""The tutorial is followed word for word, with a real package index on loopback."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import GIT_ENVIRONMENT

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"
INDEX = "http://localhost:8080/"


def commands() -> str:
    """Everything that the tutorial has one type, in one script that stops at the first failure."""
    text = TUTORIAL.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S))


def test_the_tutorial_publishes_to_the_index_that_it_starts() -> None:
    assert INDEX in commands()
    assert "pypiserver run --interface 127.0.0.1 --port 8080" in TUTORIAL.read_text(
        encoding="utf-8"
    )


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """The address of a pypiserver, started as the tutorial says, but for its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "index"
    folder.mkdir()
    server = [sys.executable, "-m", "pypiserver", "run", "--interface", "127.0.0.1"]
    server += ["--port", str(port)]
    process = subprocess.Popen([*server, "--authenticate", ".", "--passwords", ".", str(folder)])
    try:
        for _ in range(600):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://localhost:{port}/"
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.network
def test_everything_that_the_tutorial_has_one_type_works(
    tmp_path: Path, tools_folder: Path, index: str
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    here = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NOX_RELEASE_CACHE": str(tools_folder),
        "NO_PROXY": "localhost,127.0.0.1",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands().replace(INDEX, index)],
        cwd=work,
        env={**os.environ, **GIT_ENVIRONMENT, **here},
        capture_output=True,
        text=True,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count(": ready") >= 3
    assert "hello-thing 0.2.0rc1" in said
    assert "2 files uploaded" in said
    published = [path.name for path in (tmp_path / "index").iterdir()]
    assert sorted(published) == [
        "hello_thing-0.2.0rc1-py3-none-any.whl",
        "hello_thing-0.2.0rc1.tar.gz",
    ]
