"""Reads YAML that others wrote: no document takes more time or memory than its limits allow.

A few hundred characters of aliases may stand for gigabytes, and nesting may exceed what a parser's
recursion takes. Events cost neither, so that they are counted before anything is composed.
"""

from __future__ import annotations

from typing import Any

MAX_CHARACTERS = 5_000_000
MAX_DEPTH = 64
MAX_VALUES = 100_000


class Malformed(ValueError):
    """A text that is not YAML, or beyond the limits; `line` counts from 1."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


def load(text: str) -> Any:
    """What the one document of a text says, in plain types. Raises Malformed."""
    import yaml

    return _built(text, yaml.load)


def compose(text: str) -> Any:
    """PyYAML's node for the one document of a text, None for none. Raises Malformed."""
    import yaml

    return _built(text, yaml.compose)


def scalar(node: Any, *keys: str) -> Any:
    """The node of a value that is not a collection, by the keys that lead to it; None for none."""
    for key in keys:
        items = node.value if getattr(node, "id", "") == "mapping" else ()
        node = next((value for name, value in items if name.value == key), None)
    return node if getattr(node, "id", "") == "scalar" else None


def check(text: str) -> None:
    """Raises Malformed for what no tool should be given, as soon as a limit is exceeded."""
    import yaml

    if len(text) > MAX_CHARACTERS:
        raise Malformed(f"is larger than {MAX_CHARACTERS // 1_000_000} MB")
    counter = _Counter(text)
    try:
        for event in yaml.parse(text, Loader=_loader()):
            if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                counter.count(event)
    except yaml.YAMLError as error:
        raise _malformed(text, error) from None


def _built(text: str, build: Any) -> Any:
    import yaml

    check(text)
    try:
        return build(text, Loader=_loader())
    except yaml.YAMLError as error:
        raise _malformed(text, error) from None
    except (ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:
        # What PyYAML's constructors raise for a day such as 2024-13-45 or a tag that does not fit.
        raise Malformed(f"is not valid YAML: it holds a value that cannot be ({error})") from None


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _malformed(text: str, error: Exception) -> Malformed:
    mark = getattr(error, "problem_mark", None)
    place = mark.index if mark else getattr(error, "position", None)
    why = str(getattr(error, "problem", None) or error).splitlines()[0]
    line = None if place is None else text.count("\n", 0, place) + 1
    if "nesting depth" in why:
        return Malformed("is nested too deeply", line)
    return Malformed(f"is not valid YAML: {why}", line)


class _Counter:
    """Counts the values that a document stands for, each alias as often as it is used."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._weights: dict[str, int] = {}
        # Of the mappings and lists that have not ended: the anchors, and how many values so far.
        self._anchors: list[str | None] = []
        self._sums: list[int] = []

    def count(self, event: Any) -> None:
        import yaml

        if isinstance(event, yaml.CollectionStartEvent):
            if len(self._sums) >= MAX_DEPTH:
                raise self._refused("is nested too deeply", event)
            self._anchors.append(event.anchor)
            self._sums.append(1)
            self._weights.pop(event.anchor or "", None)
            return
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, weight = self._anchors.pop(), self._sums.pop()
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._weights:
                raise self._refused(f"*{event.anchor} stands for no value before it", event)
            anchor, weight = None, self._weights[event.anchor]
        else:
            anchor, weight = event.anchor, 1
        if anchor:
            self._weights[anchor] = weight
        if self._sums:
            self._sums[-1] += weight
            if self._sums[-1] > MAX_VALUES:
                raise self._refused(f"stands for more than {MAX_VALUES:,} values", event)

    def _refused(self, reason: str, event: Any) -> Malformed:
        return Malformed(reason, self._text.count("\n", 0, event.start_mark.index) + 1)
