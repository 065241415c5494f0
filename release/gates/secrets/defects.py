"""What `prove` plants for the gate secrets."""

from __future__ import annotations

from release.run.planting import Copy, Defect, commit, private_key_text, write


def private_key(copy: Copy) -> None:
    write(copy, "planted_key.txt", private_key_text())


def removed_key(copy: Copy) -> None:
    private_key(copy)
    commit(copy.root)
    (copy.root / "planted_key.txt").unlink()


DEFECTS = (
    Defect("a private key", private_key, r"planted_key.*private-key"),
    Defect("a private key that was taken out again", removed_key, r"planted_key.*private-key"),
)
