"""A Dockerfile is read in linear time."""

from __future__ import annotations

import time

from release.gates.docker.dockerfile import instructions


def test_here_documents_that_never_end_are_looked_for_once() -> None:
    started = time.process_time()
    assert len(instructions("RUN <<A\n" * 20_000)) == 20_000
    assert time.process_time() - started < 5
