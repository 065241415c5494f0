"""A Dockerfile is read in linear time."""

from __future__ import annotations

from release.gates.docker.dockerfile import instructions


def test_here_documents_that_never_end_take_time_in_proportion() -> None:
    assert len(instructions("RUN <<A\n" * 20_000)) == 20_000
