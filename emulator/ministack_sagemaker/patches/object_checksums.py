"""Checksums of objects, by a compiled library.

MiniStack computes CRC-64/NVME and CRC-32C in Python, byte by byte: a second and more for ten megabytes. Arrow's client
sends CRC-64/NVME with each object. Parameters of both: catalogue of parametrised CRC algorithms
(https://reveng.sourceforge.io/crc-catalogue/), CRC-64/NVME and CRC-32/ISCSI.
"""

from __future__ import annotations

import crcmod
from ministack.services import s3


def compute_fast() -> None:
    """Let the library compute both."""
    s3._crc64nvme = crcmod.mkCrcFun(0x1_AD93_D235_94C9_3659, initCrc=0, rev=True, xorOut=0xFFFF_FFFF_FFFF_FFFF)
    s3._crc32c = crcmod.mkCrcFun(0x1_1EDC_6F41, initCrc=0, rev=True, xorOut=0xFFFF_FFFF)
