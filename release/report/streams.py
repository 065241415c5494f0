"""Standard output and error that cannot fail: a lost reader never changes what a session does."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Unfailing(io.RawIOBase):
    """Passes bytes on as long as somebody takes them, and drops the rest without a word."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()

    def write(self, data: ReadableBuffer, /) -> int:
        size = memoryview(data).nbytes
        with contextlib.suppress(OSError):
            return self._raw.write(data) or size
        return size


def shield() -> None:
    """Let no closed pipe, full disk or narrow encoding end what this process does.

    What cannot be encoded is written as `?`. Streams that somebody else has put in place of the
    process's own are left alone.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed before this process started
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            _replace(name, stream)


def _replace(name: str, stream: io.TextIOWrapper) -> None:
    with contextlib.suppress(OSError):
        stream.flush()
    buffer: Any = stream.buffer
    raw = getattr(buffer, "raw", buffer)  # unbuffered, it is the raw one itself
    new = io.TextIOWrapper(
        io.BufferedWriter(_Unfailing(raw)),
        encoding=stream.encoding,
        errors="replace",
        line_buffering=stream.line_buffering or stream.write_through,
    )
    setattr(sys, name, new)
    _hand_over(stream, new)


def _hand_over(old: TextIO, new: TextIO) -> None:
    """Let nox's own messages take the new stream, too."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is old:
            handler.stream = new
