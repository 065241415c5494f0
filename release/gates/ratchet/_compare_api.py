"""Run by the Python of the ratchet gate's tools: compares the public API of two source trees.

Takes a file with JSON: the `packages` to compare, the folders `old` and `new` that hold them (and
nothing else: stubs may be deleted there), and `compiled_old` and `compiled_new`, the modules that a
tree has in compiled form only. Writes, to the file that is its second argument, a JSON list with an
object for each change that breaks callers, and for each public name that is new: `kind`, `path`
(dotted) and `detail`. The code is parsed and never imported.

What a package's `__init__` imports from the package itself is public, as long as no `__all__` says
otherwise. What is public in that way only is told under the name by which it is imported.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# What every object has, or what is nobody's to call.
OF_EVERY_OBJECT = frozenset([*dir(object), "__slots__"])
REMOVED = frozenset(["object_removed", "override_removed"])
# What Python calls of a module, and nobody else.
HOOKS = frozenset(["__getattr__", "__dir__"])
# What a framework calls, and nobody else: the signature follows the command line.
COMMAND = re.compile(r"\b(command|callback|group|fixture)\b")
# Base classes whose subclasses inherit no members: those of enumerations.
ENUM = re.compile(r"(Enum|Flag|Choices)$")


def main(request: str, answer: str) -> None:
    griffe: Any = importlib.import_module("griffe")
    logging.disable(logging.CRITICAL)
    # Deep expressions (long chains of + or |) are walked recursively.
    sys.setrecursionlimit(20_000)
    with open(request, encoding="utf-8") as file:
        asked = json.load(file)
    old, new = (load(griffe, asked[tree], asked["packages"]) for tree in ("old", "new"))
    compiled = {tree: tuple(asked[f"compiled_{tree}"]) for tree in ("old", "new")}
    found = []
    for package in asked["packages"]:
        shown: dict[str, str] = {}
        for tree in (new, old):
            export(tree[package], tree, shown)
        lost = changes(griffe, old, new, package, compiled["new"])
        # What the old tree lacks of the new one was added.
        added = changes(griffe, new, old, package, compiled["old"])
        lost += [one | {"kind": "object_added"} for one in added if is_new(one, old)]
        found += [item | {"path": public_path(item["path"], shown)} for item in lost]
    unique = sorted({tuple(sorted(item.items())) for item in found})
    Path(answer).write_text(json.dumps(list(map(dict, unique))), encoding="utf-8")


def changes(
    griffe: Any, one: Any, other: Any, package: str, hidden: tuple[str, ...]
) -> list[dict[str, str]]:
    """What breaks where a package is as in `other`, but for modules that are compiled there."""
    breakages = griffe.find_breaking_changes(one[package], other[package])
    items = (describe(breakage, one, other) for breakage in breakages)
    return [item for item in items if item is not None and not inside(item["path"], hidden)]


def is_new(lost: dict[str, str], old: Any) -> bool:
    """Whether what a tree has and the `old` one lacks is new, and not what a new base class brings.

    Whether a base class that is not known had it, too, does not matter for a name.
    """
    if lost["kind"] not in REMOVED or lost["path"].rpartition(".")[2] in OF_EVERY_OBJECT:
        return False
    with contextlib.suppress(Exception):
        return old[lost["path"]] is None
    return True


def export(module: Any, tree: Any, shown: dict[str, str]) -> None:
    """Declare public what packages import from themselves, where they have no `__all__`.

    `shown` takes, for where each thing that is imported into public stands, its name there.
    """
    for name, member in module.members.items():
        if not member.is_alias:
            if member.is_module:
                export(member, tree, shown)
            continue
        private = name.startswith("_") and not name.startswith("__")
        if module.is_init_module and module.exports is None:
            if private or not member.runtime or is_foreign(member, tree):
                continue
            # A name that is a module is there whether it is imported or not.
            with contextlib.suppress(Exception):
                if member.final_target.is_module:
                    continue
            member.public = True
        if member.is_public and not is_private(member.path) and not is_foreign(member, tree):
            with contextlib.suppress(Exception):
                shown[member.final_target.path] = member.path


def public_path(path: str, shown: dict[str, str]) -> str:
    """The name that callers know, of what stands in a private module."""
    if not is_private(path):
        return path
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        known = shown.get(".".join(parts[:end]))
        if known is not None:
            return ".".join([known, *parts[end:]])
    return path


def is_private(path: str) -> bool:
    parts = path.split(".")[1:]
    return any(part.startswith("_") and not part.startswith("__") for part in parts)


def load(griffe: Any, folder: str, packages: Sequence[str]) -> Any:
    """The packages of a folder by their names, with the aliases among them resolved."""
    try:
        return _load(griffe, folder, packages)
    except Exception:
        # Stubs that overload what is imported from elsewhere cannot be merged (seen in griffe 2).
        for stub in list(Path(folder).rglob("*.pyi")):
            if stub.with_suffix(".py").is_file():
                stub.unlink()
        return _load(griffe, folder, packages)


def _load(griffe: Any, folder: str, packages: Sequence[str]) -> Any:
    loader = griffe.GriffeLoader(search_paths=[folder], allow_inspection=False, store_source=False)
    for package in packages:
        loader.load(package, try_relative_path=False)
    loader.resolve_aliases(implicit=False, external=False)
    return loader.modules_collection


def describe(breakage: Any, old: Any, new: Any) -> dict[str, str] | None:
    """What broke: the kind's name, where, and what exactly; None where nothing did."""
    kind = breakage.kind.name.lower()
    thing = breakage.obj
    path = thing.path
    detail = ""
    if kind == "object_removed":
        if is_foreign(thing, old) or (thing.name in HOOKS and thing.parent.is_module):
            return None
        # What a base class lost is said once, not for every class that inherited it.
        if getattr(thing, "inherited", False):
            path = thing.target.path
        if may_be_inherited(path, thing, new):
            kind = "override_removed"
        elif is_made_on_demand(path, new):
            kind = "perhaps_on_demand"
    elif kind.startswith("parameter_"):
        parameter = breakage.old_value or breakage.new_value
        detail = parameter.name
        if is_renamed(breakage, old):
            return None
        if any(COMMAND.search(str(decorator.value)) for decorator in thing.decorators):
            kind = "command_changed"
    elif kind == "object_changed_kind":
        detail = breakage.old_value.value
    return {"path": path, "kind": kind, "detail": detail}


def is_foreign(thing: Any, old: Any) -> bool:
    """Whether it was imported from elsewhere, perhaps by way of another module."""
    seen = set()
    while thing.is_alias and thing.path not in seen:
        seen.add(thing.path)
        if thing.target_path.partition(".")[0] not in old.members:
            return True
        try:
            thing = thing.target
        except Exception:
            return False
    return False


def is_renamed(breakage: Any, old: Any) -> bool:
    """Whether callers cannot see the name: *args and the like, or positional by convention."""
    removed, added = breakage.old_value, breakage.new_value
    if removed is not None and added is not None:
        return False
    try:
        after = list(breakage.obj.parameters)
        before = list(old[breakage.obj.path].parameters)
        if removed is None:
            return bool(before[after.index(added)].name.startswith("__"))
        if str(removed.kind.value).startswith("variadic"):
            return any(other.kind is removed.kind for other in after)
        other = after[before.index(removed)]
        return bool(removed.name.startswith("__") and "positional" in other.kind.value)
    except Exception:
        return False


def is_made_on_demand(path: str, new: Any) -> bool:
    """Whether the module that had it answers for names by its own `__getattr__`."""
    try:
        owner = new[path.rpartition(".")[0]]
        return bool(owner.is_module and "__getattr__" in owner.members)
    except Exception:
        return False


def may_be_inherited(path: str, thing: Any, new: Any) -> bool:
    """Whether a member is one of a class that has it, or may have it, from a base class.

    The members of an enumeration are its own.
    """
    parent, _, name = path.rpartition(".")
    try:
        owner = new[parent]
        if owner.is_alias:
            owner = owner.final_target
        if not owner.is_class:
            return False
        classes = [owner, *owner.mro()]
        known = all(len(one.resolved_bases) == len(one.bases) for one in classes)
        if thing.is_attribute:
            known |= any(ENUM.search(str(base)) for one in classes for base in one.bases)
    except Exception:
        return False
    return name in OF_EVERY_OBJECT or not known


def inside(path: str, modules: tuple[str, ...]) -> bool:
    return any(path == module or path.startswith(f"{module}.") for module in modules)


if __name__ == "__main__":
    main(*sys.argv[1:])
