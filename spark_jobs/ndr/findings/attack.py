"""MITRE ATT&CK of a finding, where what was measured is what the technique does.

Volume, novelty and silence name no technique: a backup sends as much as a theft. What is named says that the flows look
like the technique's, not that it was used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ndr.contract.datasets import OUTBOUND
from ndr.findings.finding import AnyFinding, PairFinding

ATTACK_VERSION: Final = "17.1"


@dataclass(frozen=True, slots=True)
class Attack:
    """A tactic of ATT&CK for Enterprise, and a technique where the flows tell it."""

    tactic_id: str
    tactic: str
    technique_id: str | None = None
    technique: str | None = None


DISCOVERY: Final = Attack("TA0007", "Discovery", "T1046", "Network Service Discovery")
LATERAL_MOVEMENT: Final = Attack("TA0008", "Lateral Movement", "T1021", "Remote Services")
COMMAND_AND_CONTROL: Final = Attack("TA0011", "Command and Control")
_UNANSWERED: Final = frozenset({"syn_only_cnt", "deny_cnt"})
_BREADTH: Final = frozenset({"peer_ip_nunique", "peer_port_nunique"})


def attacks(finding: AnyFinding) -> tuple[Attack, ...]:
    """Return what a finding looks like.

    - Discovery T1046: a host opened more flows without an answer than usual, to more peers or ports than usual.
    - Lateral Movement T1021: a host opened flows on admin ports to more machines than usual.
    - Command and Control, without a technique: a new or rare destination outside is called by the clock.
    """
    if isinstance(finding, PairFinding):
        calls = finding.is_regular and finding.is_outside and (finding.is_new or finding.is_rare)
        return (COMMAND_AND_CONTROL,) if calls else ()
    opened = {reason.metric for reason in finding.reasons if reason.role == OUTBOUND and reason.value > reason.usual}
    found = [DISCOVERY] if opened & _UNANSWERED and opened & _BREADTH else []
    return (*found, LATERAL_MOVEMENT) if "admin_peer_cnt" in opened else tuple(found)
