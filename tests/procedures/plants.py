"""How to plant a defect: text for text, files, git, and the world outside."""

from __future__ import annotations

import random
import string
import textwrap

from tests.procedures.model import Place, Plant
from tests.support import index_token


def swap(path: str, old: str, new: str, *more: tuple[str, str]) -> Plant:
    """In a file, the last place of each first text gets the second; each must be there."""

    def plant(place: Place) -> None:
        file = place.root / path
        text = file.read_text(encoding="utf-8")
        for before, after in ((old, new), *more):
            head, found, tail = text.rpartition(before.replace("{version}", place.version))
            if not found:
                raise LookupError(f"{path} holds no {before!r}")
            text = head + after.replace("{version}", place.version) + tail
        file.write_text(text, encoding="utf-8")

    return plant


def put(path: str, text: str) -> Plant:
    """A file with this text."""

    def plant(place: Place) -> None:
        file = place.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("{version}", place.version), encoding="utf-8")

    return plant


def append(path: str, text: str) -> Plant:
    def plant(place: Place) -> None:
        with (place.root / path).open("a", encoding="utf-8") as file:
            file.write(text)

    return plant


def every(*plants: Plant) -> Plant:
    def plant(place: Place) -> None:
        for one in plants:
            one(place)

    return plant


def rendered(place: Place) -> None:
    """The workflows that `adopt --like` writes for a procedure, in place of those by hand."""
    from release import render
    from release.adopt.templates import like
    from release.project import read_project
    from release.text.toml_additions import completed
    from tests.render.shapes import write

    for file in (place.root / render.WORKFLOWS).iterdir():
        file.unlink()
    path = place.root / "pyproject.toml"
    wanted = like(read_project(place.root), place.name.replace("_", "-"), workflows=True)
    text = completed(path.read_text(encoding="utf-8"), wanted)
    table = "[tool.release.workflows]\n"
    path.write_text(text.replace(table, f"{table}hook = false\n"), encoding="utf-8")
    write(place.root, render.files(read_project(place.root)))


def in_git(*arguments: str) -> Plant:
    def plant(place: Place) -> None:
        place.git(*(word.replace("{tag}", place.tag) for word in arguments))

    return plant


def tag_elsewhere(place: Place) -> None:
    """The tag of the release, on a commit that is not in the branch's history."""
    place.git("checkout", "--quiet", "--detach")
    put("elsewhere.txt", "Planted.\n")(place)
    place.git("add", "elsewhere.txt")
    place.git("commit", "--quiet", "--message", "Planted")
    place.git("tag", "--annotate", "--message", "Planted", place.tag)
    place.git("checkout", "--quiet", "-")


def secret(path: str, *, key: bool) -> Plant:
    """A file with a private key or an index's token; made here, so that no file of ours has one."""

    def plant(place: Place) -> None:
        letters = random.Random(path)  # noqa: S311
        body = "".join(letters.choices(string.ascii_letters + string.digits, k=620))
        begin, end = (f"-----{word} PRIVATE KEY-----\n" for word in ("BEGIN", "END"))
        text = f"{begin}{textwrap.fill(body, 64)}\n{end}"
        if not key:
            text = f"token = {index_token(body[:150])}\n"
        put(path, text)(place)

    return plant


def published_by(**different: str | None) -> Plant:
    """The index shows another publisher of the last release."""

    def plant(place: Place) -> None:
        place.publisher.update(different)

    return plant
