"""TEST certificates for TLS under MLLP: an authority, servers and clients, good ones and such as must be refused.

Keys derive from a seed, so the same seed makes the same certificates; whoever knows the seed can make them, too.
Never trust such an authority outside of tests. Certificates live on the wall clock, not on a site's: they hold from
2020 to 2099. cryptography is imported on first use.
"""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal

from mockehr.core.chance import Chance

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

Kind = Literal["good", "expired", "early", "wrong-name", "self-signed"]
NAMES: Final = ("localhost", "127.0.0.1", "::1")
WRONG_NAMES: Final = ("elsewhere.example.org",)
_YEARS: Final = MappingProxyType({"expired": (2020, 2021), "early": (2098, 2099)})
_ORDINARY: Final = (2020, 2099)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its private key, each in a PEM file."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority for tests, whose files lie in `folder`, or in a temporary one until `close`."""

    def __init__(self, folder: Path | None = None, *, seed: int | str = "mockehr") -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="mockehr-tls-") if folder is None else None
        self.folder = Path(self._temporary.name) if self._temporary is not None else folder or Path()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._chance = Chance(seed)
        self._key = self._make_key("authority")
        self._certificate = self._issue("mockehr TEST authority", self._key, years=_ORDINARY, signer=None)
        self.ca_file = self.folder / "ca.pem"
        """The authority's own certificate, for those who are to trust it."""
        self.ca_file.write_bytes(_pem(self._certificate))

    def server(self, kind: Kind = "good", names: tuple[str, ...] = NAMES) -> Identity:
        """A certificate for a server of these DNS names and addresses.

        `expired` ended with 2020, `early` begins in 2098, `wrong-name` is for another host, `self-signed` is signed
        by its own key.
        """
        return self._identity("server", kind, "localhost", WRONG_NAMES if kind == "wrong-name" else names)

    def client(self, kind: Kind = "good", name: str = "client") -> Identity:
        """A certificate for a client of that name, for mutual TLS."""
        return self._identity("client", kind, name, ())

    def close(self) -> None:
        """Remove the temporary folder; a folder that was given stays."""
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> Authority:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _identity(self, role: Literal["server", "client"], kind: Kind, name: str, names: tuple[str, ...]) -> Identity:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        label = "-".join((role, kind, name, self._chance.stream("label", role, kind, name, *names).hex(8)))
        key = self._make_key(role, kind, name, *names)
        certificate = self._issue(
            name,
            key,
            years=_YEARS.get(kind, _ORDINARY),
            signer=key if kind == "self-signed" else self._key,
            role=role,
            names=names,
        )
        made = Identity(self.folder / f"{label}.pem", self.folder / f"{label}.key")
        made.certificate.write_bytes(_pem(certificate))
        made.key.touch(mode=0o600)
        made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return made

    def _make_key(self, *names: str) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

        # one bit less than the order has, and never zero: always a valid private value
        secret = int.from_bytes(self._chance.key("tls-key", *names), "big") >> 1 | 1
        return derive_private_key(secret, SECP256R1())

    def _issue(
        self,
        name: str,
        key: EllipticCurvePrivateKey,
        *,
        years: tuple[int, int],
        signer: EllipticCurvePrivateKey | None,
        role: Literal["", "server", "client"] = "",
        names: tuple[str, ...] = (),
    ) -> Certificate:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import NameOID

        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = signer is None or signer is key
        serial = int.from_bytes(self._chance.key("tls-serial", role, name, *names, *years)[:15], "big") | 1
        first, last = years
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if own else self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(datetime(first, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(last, 1, 1, tzinfo=UTC))
        )
        for extension, critical in _extensions(key, signer or key, role, names):
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(signer or key, hashes.SHA256(), ecdsa_deterministic=True)


def server_context(identity: Identity, *, clients: Path | None = None) -> ssl.SSLContext:
    """A server's side of TLS. With `clients`, the file of an authority, peers must show a certificate of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(ca_file: Path, identity: Identity | None = None, *, check_names: bool = True) -> ssl.SSLContext:
    """A client's side of TLS: trusts that authority alone, shows `identity` if a server asks for one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca_file)
    context.check_hostname = check_names
    if identity is not None:
        context.load_cert_chain(identity.certificate, identity.key)
    return context


def _extensions(
    key: EllipticCurvePrivateKey,
    signer: EllipticCurvePrivateKey,
    role: Literal["", "server", "client"],
    names: tuple[str, ...],
) -> list[tuple[Any, bool]]:
    """(extension, critical) as RFC 5280 wants them of an authority (no role), a server, or a client."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    authority = not role
    found: list[tuple[Any, bool]] = [
        (x509.BasicConstraints(ca=authority, path_length=0 if authority else None), True),
        (
            x509.KeyUsage(
                digital_signature=not authority,
                key_cert_sign=authority,
                crl_sign=authority,
                decipher_only=False,
                **usage,
            ),
            True,
        ),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
    ]
    if role:
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if role == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
        found.append((x509.ExtendedKeyUsage([purpose]), False))
    if names:
        found.append((x509.SubjectAlternativeName([_general(name) for name in names]), False))
    return found


def _general(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)
