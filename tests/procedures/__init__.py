"""Every sentence of five release procedures that checks something, and what proves that we do it.

The procedures are those of the projects below tests/projects/. A sentence that is checked before a
release has a gate, the settings that say it, and a defect that the gate must find once it is
planted. What can only be observed after the release, and what only a person can do, is told apart;
so is what a procedure says that does not hold.
"""

from __future__ import annotations

from tests.procedures import ajolopy, aksara, chap_checker, openmed, ophamin

PROCEDURES = (
    ophamin.PROCEDURE,
    ajolopy.PROCEDURE,
    chap_checker.PROCEDURE,
    aksara.PROCEDURE,
    openmed.PROCEDURE,
)
