"""What a certificate says of itself."""

from __future__ import annotations


def described(certificate: bytes) -> dict[str, str]:
    """Subject, issuer, names and how long it is valid, in words; empty where it cannot be read.

    Args:
        certificate: as DER.
    """
    from cryptography import x509

    try:
        read = x509.load_der_x509_certificate(certificate)
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        alternative = ", ".join(str(name.value) for name in names)
    except x509.ExtensionNotFound:
        alternative = ""
    except ValueError:
        return {}
    return {
        "subject": read.subject.rfc4514_string(),
        "issuer": read.issuer.rfc4514_string(),
        "names": alternative,
        "not before": read.not_valid_before_utc.isoformat(),
        "not after": read.not_valid_after_utc.isoformat(),
    }
