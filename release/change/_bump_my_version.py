"""Runs in the environment of the tools: lets bump-my-version edit texts, and says what it did.

It takes the name of a JSON file: `current` and `new` (versions), `day`, `parse` and `parts` (how a
version is taken apart), `texts` by their paths, and `entries` as they stand in
[[tool.bumpversion.files]], each with a regular expression as its `search`. It writes to the file
that is its second argument, for each entry, where its search matched (`spans`) and the text `after`
it, or the `error` of the tool. The texts lie in a scratch folder meanwhile: hooks, commit and tag
of the tool have no place here.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bumpversion.config.models import FileChange
from bumpversion.files import ConfiguredFile, modify_files
from bumpversion.versioning.models import VersionComponentSpec
from bumpversion.versioning.version_config import VersionConfig

# Whatever a version is, it is also one part: the project's own `parse` may leave some of it out.
WHOLE = "whole_version"


def edit(asked: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """What bump-my-version makes of the texts, entry by entry; `folder` is empty."""
    for path, text in asked["texts"].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    # A comment in it ends with the line.
    parse = rf"(?=.*?(?:{asked['parse']}" + "\n" + rf")|)(?P<{WHOLE}>\S+)"
    parts = asked["parts"]
    names = re.compile(parse, re.VERBOSE).groupindex
    specs = {name: VersionComponentSpec(**parts.get(name, {})) for name in names}
    versions = VersionConfig(parse, (f"{{{WHOLE}}}",), "", "", specs)
    old, new = versions.parse(asked["current"]), versions.parse(asked["new"])
    day = datetime.fromisoformat(asked["day"])
    context = {"now": day, "utcnow": day, "#": "#", ";": ";"}
    context |= {f"current_{part}": old[part].value for part in old}
    context |= {f"new_{part}": new[part].value for part in new}
    done = []
    for entry in asked["entries"]:
        path = folder / entry["filename"]
        change = FileChange(
            filename=str(path),
            parse=parse,
            serialize=entry["serialize"] or versions.serialize_formats,
            search=entry["search"],
            replace=entry["replace"],
            regex=True,
            ignore_missing_version=True,
            ignore_missing_file=False,
        )
        file = ConfiguredFile(change, versions)
        try:
            spans = _spans(file, path.read_text(encoding="utf-8"), old, context)
            modify_files([file], old, new, dict(context))
            done.append({"spans": spans, "after": path.read_text(encoding="utf-8")})
        except KeyError as error:
            done.append({"error": f"the field {{{error.args[0]}}} is not known"})
        except Exception as error:
            done.append({"error": " ".join(str(error).split()) or type(error).__name__})
    return done


def _spans(
    file: ConfiguredFile, text: str, old: Any, context: Mapping[str, Any]
) -> list[tuple[int, int]]:
    """Where the tool will find the search of an entry: it does not say so itself."""
    stated = file.version_config.serialize(old, dict(context))
    fields = {**context, "current_version": stated}
    escaped = {name: re.escape(str(value)) for name, value in fields.items()}
    search = re.compile(file.file_change.search.format(**escaped), re.MULTILINE | re.DOTALL)
    return [match.span() for match in search.finditer(text)]


def main(name: str, answer: str) -> None:
    asked = json.loads(Path(name).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="nox-release-bump-") as folder:
        try:
            Path(answer).write_text(json.dumps(edit(asked, Path(folder))), encoding="utf-8")
        except Exception as error:
            sys.exit(" ".join(str(error).split()) or type(error).__name__)


if __name__ == "__main__":
    main(*sys.argv[1:])
