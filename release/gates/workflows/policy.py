"""The publishing policy: what no general linter demands of the workflows that publish.

Each rule is a pure function over the model that yields what breaks it. `RULES` names them all: to
add one, write it in the module of its group below `rules`, and enter it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from release.gates.workflows.model import Model
from release.gates.workflows.publishing import Context, Expected
from release.gates.workflows.rules import (
    contents,
    credentials,
    identity,
    pinned,
    reach,
    runs,
    way,
)
from release.gates.workflows.rules.breach import Breach

Rule = Callable[[Context], Iterator[Breach]]
RULES: Mapping[str, Rule] = {
    "environment": identity.environment,
    "permissions": identity.permissions,
    "steps": contents.steps,
    "ref": reach.ref,
    "inputs": credentials.inputs,
    "token": credentials.token,
    "single": reach.single,
    "hidden": reach.hidden,
    "reusable": identity.reusable,
    "verified": way.verified,
    "soft": way.soft,
    "isolation": contents.isolation,
    "checkout": way.checkout,
    "hand-off": way.hand_off,
    "pins": pinned.pins,
    "tags": runs.tags,
    "concurrency": runs.concurrency,
    "metadata": identity.metadata,
}


def judge(model: Model, expected: Expected) -> list[Breach]:
    """Everything in the model that breaks the policy, rule by rule."""
    context = Context(model, expected)
    return [replace(breach, rule=name) for name, rule in RULES.items() for breach in rule(context)]
