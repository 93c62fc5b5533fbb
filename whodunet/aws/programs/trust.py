"""Whom the programs trust in TLS: the system's certificates, as the Go programs that they stand in for."""

from __future__ import annotations

import functools
import os
import ssl

_SYSTEM = "/etc/ssl/certs/ca-certificates.crt"  # Source: Debian's ca-certificates


def certificates() -> str:
    """The file with the trusted certificates; SSL_CERT_FILE names another."""
    return os.environ.get("SSL_CERT_FILE") or _SYSTEM


@functools.cache
def tls_context() -> ssl.SSLContext:
    """A client's settings, made once, as reading the certificates takes time; raises OSError without their file."""
    context = ssl.create_default_context(cafile=certificates())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
