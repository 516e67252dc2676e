"""Made the key pairs of this folder, once. Running it again would replace them: recordings would no longer verify.

python corpora/keys/generate.py FOLDER
"""

import json
import sys
from pathlib import Path

from joserfc.jwk import ECKey, RSAKey

NOTE = "PUBLIC TEST KEY of mockehr. Everyone has its private part. Never register it with a real system."
PAIRS = [
    ("client-1", "ES384"),
    ("client-2", "ES384"),
    ("client-1", "RS384"),
    ("client-2", "RS384"),
    ("server-1", "RS384"),
    ("server-2", "RS384"),
    ("server-3", "RS384"),
]


def write_pair(folder: Path, owner: str, alg: str) -> None:
    """Generate one pair and write its private JWK."""
    key = ECKey.generate_key("P-384") if alg == "ES384" else RSAKey.generate_key(2048)
    named = {"kid": f"mockehr-test-{owner}-{alg.lower()}", "use": "sig", "alg": alg}
    document = {"note": NOTE, "kty": key.key_type, **named, **key.as_dict(private=True)}
    (folder / f"{owner}-{alg}.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    for owner, alg in PAIRS:
        write_pair(Path(sys.argv[1]), owner, alg)
