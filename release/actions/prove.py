"""Show of each gate that it can fail: plant its defects in throwaway copies.

The commit is cloned into a scratch folder and judged as it is; evidence that still counts stands in
for that. Then each gate's defects are planted in copies of their own, in a commit like the last
one, and the gate must fail and name them, with a finding that the clean copy does not have. GATE
chooses some gates. Of the repository only .release/ is written; uncommitted changes are left out.

Of a gate made of the project's own commands one defect that it sees is enough, and a copy with a
harmless commit must pass it. What it must see nobody else knows: say it by commands that break a
copy, as broken = ["..."] in [tool.release.gates.NAME].

Shows a line for each defect: proved; CANNOT FAIL, where the gate passes all the same; NOT SHOWN,
where it fails already, fails for another reason or cannot be judged; and not applicable, such as
where there is nothing to plant it in. What was planted and run without a proof is kept in
.release/logs/prove-GATE.log. Gates that ask the outside are led to stand-ins on this machine.

Ends with exit status 0 when every gate that applies was proved; one that is required only in CI may
be left to CI, as in release_preflight, and those with required = "never" do not count.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping

from release.actions import Call, Stopped, interruptible, told
from release.model import Evidence
from release.prove.proof import Proof, Proved
from release.prove.proving import Listener, prove
from release.report.prove import clean_line, gate_lines, verdict_line


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "gates", nargs="*", metavar="GATE", help="the gates to prove; all unless given"
    )


def run(call: Call) -> None:
    width = shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else None
    shown: list[Proved] = []

    class Told(Listener):
        def judged(self, clean: Mapping[str, Evidence], seconds: float) -> None:
            print(told(clean_line(clean, seconds)), flush=True)

        def shown(self, gate: Proved) -> None:
            shown.append(gate)
            for line in gate_lines(gate, width):
                print(told(line), flush=True)

    runner = call.runner()
    try:
        with interruptible(runner):
            proofs = prove(runner, call.arguments.gates, Told())
    except KeyboardInterrupt:
        number = sum(gate.proof is Proof.PROVED for gate in shown)
        print(f"\ninterrupted: {number} of {len(shown)} gates shown are proved", flush=True)
        raise
    print(f"\n{told(verdict_line(proofs))}", flush=True)
    if not proofs.whole:
        raise Stopped("not every gate is proved")
