"""The words of a flow record, in one spelling, and what they say."""

from __future__ import annotations

import re
from typing import Final

ACTIONS: Final = ("allow", "deny", "drop", "alert")
EVENT_NAMES: Final = ("TRAFFIC", "THREAT")
ICMP: Final = ("icmp", "icmp6", "icmpv6", "ipv6-icmp")

# What firewalls call the four actions. Each word is written with hyphens, as `drop-icmp` for PAN-OS's `drop ICMP`.
_ACTION_OF: Final = {
    **dict.fromkeys(("reset-both", "reset-client", "reset-server"), "deny"),
    **dict.fromkeys(("block", "block-url", "block-ip", "block-continue", "block-override", "sinkhole"), "deny"),
    **dict.fromkeys(("drop-icmp", "drop-all", "drop-all-packets", "random-drop"), "drop"),
    **dict.fromkeys(("continue", "override", "override-lockout", "wildfire-upload-success"), "allow"),
    **dict.fromkeys(("wildfire-upload-skip", "forward", "syncookie-sent"), "alert"),
}
# Logs that give the transport as its IANA protocol number.
_PROTOCOL_NUMBERS: Final = {"1": "icmp", "6": "tcp", "17": "udp", "58": "ipv6-icmp"}
_RESET: Final = re.compile(r"(?<![a-z])rst(?![a-z])", re.IGNORECASE)
_AGED_OUT: Final = re.compile(r"\s*aged[-_ ]?out\s*", re.IGNORECASE)


def lower_word(text: str) -> str:
    return text.strip().lower()


def upper_word(text: str) -> str:
    return text.strip().upper()


def action_word(text: str) -> str:
    """Return the contract's word for a firewall's action, or the word in lower case where there is none."""
    word = lower_word(text)
    return _ACTION_OF.get(word.replace(" ", "-").replace("_", "-"), word)


def transport_word(text: str) -> str:
    """Return the transport in lower case, by name where the log gives its protocol number."""
    word = lower_word(text)
    return _PROTOCOL_NUMBERS.get(word, word)


def is_reset(reason: str) -> bool:
    """Tell whether a session end reason is a TCP reset: `tcp-rst-from-client`, `RST`."""
    return _RESET.search(reason) is not None


def is_aged_out(reason: str) -> bool:
    """Tell whether a session end reason is a timeout: `aged-out`."""
    return _AGED_OUT.fullmatch(reason) is not None
