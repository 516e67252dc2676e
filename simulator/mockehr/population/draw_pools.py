"""Draws the name pools once with Faker: `python -m mockehr.population.draw_pools [FOLDER]`.

The only module that imports Faker. Its output is committed under `corpora/pools/`, because a new release of Faker
may answer differently; a population must not. Run it again only to change the pools, then commit what it wrote.
Faker's phone numbers, social security numbers and mail addresses are never used: they may belong to somebody.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import faker
from faker.providers.address.en_US import Provider as AddressProvider
from ruamel.yaml import YAML

from mockehr.core.folding import fold
from mockehr.population.pool_seeds import ASIAN_FAMILIES, NICKNAMES, OWN_FAMILIES, PEAKS

DRAWN: Final = "2026-11-21"
SEED: Final = 20261121
TOTAL: Final = 1_000_000
ACCENTED_FAMILIES: Final = {
    "es_MX": 60_000,
    "de_DE": 20_000,
    "fr_CA": 14_000,
    "fr_FR": 8_000,
    "sv_SE": 12_000,
    "fi_FI": 5_000,
    "no_NO": 4_000,
    "da_DK": 4_000,
    "pt_BR": 3_000,
}
ACCENTED_GIVEN: Final = {"es_MX": 24_000, "fr_FR": 9_000, "de_DE": 5_000, "sv_SE": 4_000, "da_DK": 2_000}
_OWN_WEIGHT = 2_000
_APOSTROPHE_WEIGHT = 9_000

Weights = dict[str, int]


def draw(folder: Path) -> None:
    """Write every pool and `manifest.yaml` into `folder`."""
    families, origins = _families()
    texts = {
        "family.txt": _lines((name, weight, origins.get(name, "-")) for name, weight in _ordered(families)),
        "given-female.txt": _given("first_name_female"),
        "given-male.txt": _given("first_name_male"),
        "streets.txt": _plain("street_name", 400),
        "cities.txt": _plain("city", 240),
        "counties.txt": _lines((f"{name} County",) for name in _distinct("last_name", 80)),
        "states.json": _states(),
        "nicknames.json": json.dumps(dict(sorted(NICKNAMES.items())), ensure_ascii=False, indent=1) + "\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    with (folder / "manifest.yaml").open("w", encoding="utf-8", newline="\n") as file:
        YAML().dump(_manifest(texts), file)


def _faker(locale: str) -> Any:
    source = faker.Faker(locale, use_weighting=True)
    source.seed_instance(SEED)
    return source


def _counts(locale: str, method: str, draws: int) -> Counter[str]:
    name = getattr(_faker(locale), method)
    return Counter(name() for _ in range(draws))


def _scaled(counts: Weights, total: int) -> Weights:
    """The same shares, summing to about `total`; every name keeps at least 1."""
    whole = sum(counts.values())
    return {name: max(1, round(weight * total / whole)) for name, weight in counts.items()}


def _accented(locale: str, method: str) -> Weights:
    """Single words with a character outside ASCII that Windows-1252 can write."""
    counts = _counts(locale, method, 6_000)
    return {name: n for name, n in counts.items() if not name.isascii() and " " not in name and _western(name)}


def _western(name: str) -> bool:
    try:
        name.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _families() -> tuple[Weights, dict[str, str]]:
    weights: Counter[str] = Counter()
    origins: dict[str, str] = {}
    spanish = {fold(name) for name in _counts("es_MX", "last_name", 8_000)}
    for locale, share in ACCENTED_FAMILIES.items():
        weights.update(_scaled(_accented(locale, "last_name"), share))
    weights.update(dict.fromkeys(OWN_FAMILIES, _OWN_WEIGHT))
    irish = sorted(name for name in _counts("en_IE", "last_name", 12_000) if name.startswith("O'"))[::4]
    curly = {(name.replace("'", "’") if n % 2 else name): 1 for n, name in enumerate(irish)}
    weights.update(_scaled(curly, _APOSTROPHE_WEIGHT))
    plain = _counts("en_US", "last_name", 120_000)
    weights.update(_scaled(plain, TOTAL - sum(weights.values())))
    for name in weights:
        if fold(name) in spanish:
            origins[name] = "hispanic"
        elif name in ASIAN_FAMILIES:
            origins[name] = "asian"
    return dict(weights), origins


def _given(method: str) -> str:
    weights: Counter[str] = Counter()
    for locale, share in ACCENTED_GIVEN.items():
        weights.update(_scaled(_accented(locale, method), share // 2))
    weights.update(_scaled(_counts("en_US", method, 60_000), TOTAL // 2 - sum(weights.values())))
    peaks = {name: decade for decade, names in PEAKS.items() for name in names.split()}
    return _lines((name, weight, peaks.get(name, 0)) for name, weight in _ordered(weights))


def _ordered(weights: Weights) -> list[tuple[str, int]]:
    return sorted(weights.items(), key=lambda item: (fold(item[0]), item[0]))


def _distinct(method: str, wanted: int) -> list[str]:
    """The first `wanted` different answers, sorted."""
    source = getattr(_faker("en_US"), method)
    seen: dict[str, None] = {}
    while len(seen) < wanted:
        seen[source()] = None
    return sorted(seen)


def _plain(method: str, wanted: int) -> str:
    return _lines((name,) for name in _distinct(method, wanted))


def _lines(rows: Iterable[tuple[object, ...]]) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


def _states() -> str:
    """First and last postcode of every state, five digits each; islands and military addresses left out."""
    ranges = AddressProvider.states_postcode
    kept = {code: ranges[code] for code in AddressProvider.states_abbr if code in ranges}
    padded = {code: [f"{low:05d}", f"{high:05d}"] for code, (low, high) in sorted(kept.items())}
    return json.dumps(padded, indent=1) + "\n"


def _manifest(texts: dict[str, str]) -> dict[str, Any]:
    columns = {
        "family.txt": "name, weight, origin (- hispanic asian); sorted by folded name",
        "given-female.txt": "name, weight, decade of birth when it was most usual (0: any); sorted by folded name",
        "given-male.txt": "as given-female.txt",
        "states.json": "state -> first and last postcode",
        "nicknames.json": "given name -> usual short form; written by hand",
    }
    return {
        "name": "pools",
        "title": "Name, street and place pools of the synthetic population; columns are separated by tabs",
        "source": f"Faker {faker.VERSION}, seed {SEED}; short own lists in population/pool_seeds.py",
        "licence": "MIT (Faker); own lists as mockehr itself",
        "generator": "python -m mockehr.population.draw_pools",
        "generated": DRAWN,
        "synthetic": True,
        "files": {
            name: {
                "holds": columns.get(name, "one name a line"),
                "entries": len(json.loads(text)) if name.endswith(".json") else text.count("\n"),
                "sha256": sha256(text.encode()).hexdigest(),
            }
            for name, text in texts.items()
        },
    }


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[3] / "corpora" / "pools")
