"""Injected attacks, a function each, with their ground truth; `choose` says which of them a network gets."""

from ndr.local.traffic.attacks.attack import InjectedAttack, Scene
from ndr.local.traffic.attacks.choose import ALL_KINDS, all_kinds, two_attacks

__all__ = ["ALL_KINDS", "InjectedAttack", "Scene", "all_kinds", "two_attacks"]
