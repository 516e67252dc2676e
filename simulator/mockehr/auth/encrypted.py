"""Encrypted access tokens: a signed JWT inside a JWE (RFC 7516), as Oracle Health hands them out since 2025.

`dir` with A128CBC-HS256, compressed first (RFC 7518 sections 4.5 and 5.2.3, RFC 7516 section 4.1.3). The
initialization vector is given, never drawn: equal runs give equal bytes. Import this where it is used: it loads
cryptography.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

SECRET_OCTETS: Final = 32
"""Length of the secret that both sides know: half of it authenticates, half of it encrypts."""
IV_OCTETS: Final = 16
_HALF: Final = SECRET_OCTETS // 2
_BLOCK: Final = 16
_JSON: Final = json.JSONEncoder(separators=(",", ":"))
_RAW_DEFLATE: Final = -12  # window bits of zlib: RFC 1951 without a frame, looking back as far as a token is long
_LITTLE_MEMORY: Final = 5


def encrypt(text: str, *, kid: str, secret: bytes, iv: bytes) -> str:
    """`text`, a signed JWT, as a JWE in compact form. ValueError unless secret and iv have the right lengths."""
    if len(secret) != SECRET_OCTETS or len(iv) != IV_OCTETS:
        raise ValueError(f"A128CBC-HS256 wants {SECRET_OCTETS} octets of secret and {IV_OCTETS} of iv")
    header = {"zip": "DEF", "kid": kid, "cty": "JWT", "enc": "A128CBC-HS256", "alg": "dir"}
    protected = _base64(_JSON.encode(header).encode("utf-8"))
    hidden = _cipher(_deflated(text.encode("ascii")), secret[_HALF:], iv)
    tag = _tag(secret[:_HALF], protected.encode("ascii"), iv, hidden)
    # between the first two dots would be an encrypted key; `dir` has none (RFC 7516 section 5.1)
    return f"{protected}..{_base64(iv)}.{_base64(hidden)}.{_base64(tag)}"


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=_RAW_DEFLATE, memLevel=_LITTLE_MEMORY)
    return packer.compress(data) + packer.flush()


def _cipher(data: bytes, key: bytes, iv: bytes) -> bytes:
    """AES-128 in CBC mode with the padding of PKCS #7 (RFC 7518 section 5.2.2.1, steps 2 and 3)."""
    missing = _BLOCK - len(data) % _BLOCK
    encryptor = Cipher(AES(key), CBC(iv)).encryptor()
    return encryptor.update(data + bytes([missing]) * missing) + encryptor.finalize()


def _tag(key: bytes, protected: bytes, iv: bytes, hidden: bytes) -> bytes:
    """What proves header, vector and ciphertext unchanged (RFC 7518 section 5.2.2.1, steps 4 to 6)."""
    bits = (len(protected) * 8).to_bytes(8, "big")
    return hmac.digest(key, protected + iv + hidden + bits, hashlib.sha256)[:_HALF]


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
