"""Requests over HTTP on the loopback address count as requests over TLS.

MiniStack lacks this: `aws:SecureTransport` is false for HTTP, so a bucket policy that denies requests without TLS would
deny every request as soon as IAM is enforced.
"""

from __future__ import annotations

from ministack import app


def count_as_tls() -> None:
    """Let `aws:SecureTransport` be true for every request."""
    pin = app.pin_request_origin
    app.pin_request_origin = lambda source_ip, secure_transport: pin(source_ip, True)
