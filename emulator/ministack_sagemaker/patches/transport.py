"""The account is reached over HTTP on the loopback address, which stands for AWS's TLS endpoints.

A bucket policy that denies what comes without TLS would deny everything here, as soon as IAM is enforced.
"""

from __future__ import annotations

from ministack import app


def count_as_tls() -> None:
    """Let `aws:SecureTransport` be true for every request that reaches this machine's loopback address."""
    pin = app.pin_request_origin
    app.pin_request_origin = lambda source_ip, secure_transport: pin(source_ip, True)
