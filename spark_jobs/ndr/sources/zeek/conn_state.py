"""What a firewall would have logged for each of Zeek's connection states.

The states are those of ``Conn::Info$conn_state`` (docs.zeek.org, base/protocols/conn/main.zeek); the reasons are
PAN-OS's session end reasons (docs.paloaltonetworks.com, traffic log fields), the words that the delta counts read.

========  =====================================  ======  ===================
state     what Zeek saw (TCP)                    action  reason
========  =====================================  ======  ===================
SF        established, closed on both sides      allow   tcp-fin
S1        established, never closed              allow   aged-out
S2        established, originator closed         allow   tcp-fin
S3        established, responder closed          allow   tcp-fin
RSTO      established, originator reset          allow   tcp-rst-from-client
RSTR      responder reset                        allow   tcp-rst-from-server
REJ       SYN answered by a RST                  deny    tcp-rst-from-server
S0        SYN without an answer                  drop    aged-out
RSTOS0    SYN, then the originator's RST         drop    tcp-rst-from-client
SH        SYN, then the originator's FIN         drop    tcp-fin
RSTRH     SYN-ACK, then RST; no SYN seen         allow   tcp-rst-from-server
SHR       SYN-ACK, then FIN; no SYN seen         allow   tcp-fin
OTH       midstream traffic, no SYN seen         allow   unknown
========  =====================================  ======  ===================

Zeek watches the wire and knows no policy: ``deny`` is a refusal that the originator was told of, ``drop`` an attempt
without an answer. A transport without a handshake can't be refused this way (a one-way datagram is its normal use,
and a firewall ends such a session by its timer): anything that is not TCP is ``allow``, ``aged-out``. A state that is
unset or not listed is ``allow``, ``unknown``.
"""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc


class Outcome(NamedTuple):
    """A firewall's action and session end reason."""

    action: str
    reason: str


TCP_OUTCOMES: dict[str, Outcome] = {
    "SF": Outcome("allow", "tcp-fin"),
    "S1": Outcome("allow", "aged-out"),
    "S2": Outcome("allow", "tcp-fin"),
    "S3": Outcome("allow", "tcp-fin"),
    "RSTO": Outcome("allow", "tcp-rst-from-client"),
    "RSTR": Outcome("allow", "tcp-rst-from-server"),
    "REJ": Outcome("deny", "tcp-rst-from-server"),
    "S0": Outcome("drop", "aged-out"),
    "RSTOS0": Outcome("drop", "tcp-rst-from-client"),
    "SH": Outcome("drop", "tcp-fin"),
    "RSTRH": Outcome("allow", "tcp-rst-from-server"),
    "SHR": Outcome("allow", "tcp-fin"),
    "OTH": Outcome("allow", "unknown"),
}
UNKNOWN_STATE = Outcome("allow", "unknown")
WITHOUT_HANDSHAKE = Outcome("allow", "aged-out")


def outcomes(transport: pa.Array, conn_state: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the event_action and event_reason columns for columns of transports and of connection states."""
    index = pc.index_in(conn_state, value_set=pa.array(TCP_OUTCOMES))
    is_tcp = pc.equal(transport, "tcp")

    def column(field: int) -> pa.Array:
        by_state = pc.take(pa.array([outcome[field] for outcome in TCP_OUTCOMES.values()]), index)
        return pc.if_else(is_tcp, pc.fill_null(by_state, UNKNOWN_STATE[field]), WITHOUT_HANDSHAKE[field])

    return column(0), column(1)
