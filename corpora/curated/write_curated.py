"""Writes the curated patients: `python corpora/curated/write_curated.py`. Everything follows from names; no option.

Each corruption gets as many patients as there is room for among 60, from vendors in turn. What is kept of a chart is
the Patient and a few of the records that the corruption touches, as shown and as true.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML

from mockehr.core.exchange import JSON
from mockehr.fhir.record import encode
from mockehr.population.corruption.base import corruptions
from mockehr.sites.build import build_site
from mockehr.sites.charts import Charts
from mockehr.sites.curated import coping_of, summary_of
from mockehr.sites.options import SiteOptions

HERE: Final = Path(__file__).resolve().parent
PATIENTS: Final = 60
VENDORS: Final = ("generic", "epic", "oracle", "athena", "meditech")
FEW: Final = 4
"""Records that are kept of those touched."""
SMALL: Final = {
    "long-charts": {"observations": 120},
    "large-documents": {"megabytes": 0.02},
    "deep-nesting": {"depth": 40},
}
"""Settings with which a corruption is small enough to be read, and seen all the same."""
SIZE: Final = 60
"""Patients among whom one is looked for."""


def main() -> int:
    """Write all files anew; 1 if a corruption touches nobody."""
    for old in HERE.glob("*.ndjson"):
        old.unlink()
    rows: list[JSON] = []
    for number, corruption in enumerate(islice(cycle(corruptions()), max(PATIENTS, len(corruptions())))):
        found = find(corruption, number, {row["name"] for row in rows})
        if found is None:
            print(f"{corruption} touches nobody")
            return 1
        row, shown, true = found
        for which, records in (("shown", shown), ("true", true)):
            (HERE / f"{row['name']}.{which}.ndjson").write_bytes(b"".join(encode(one) + b"\n" for one in records))
        rows.append(row)
    rows.sort(key=lambda row: (row["corruption"], row["name"]))
    with (HERE / "patients.yaml").open("wb") as opened:
        YAML().dump({"patients": rows}, opened)
    (HERE / "README.md").write_text(readme(rows), encoding="utf-8")
    (HERE / "manifest.yaml").write_bytes(manifest(rows))
    return 0


def find(corruption: str, number: int, taken: set[str]) -> tuple[JSON, list[JSON], list[JSON]] | None:
    """The first patient who shows it and whose name is free, trying vendors from the number's own on."""
    for step in range(len(VENDORS)):
        vendor = VENDORS[(number + step) % len(VENDORS)]
        site = build_site(SiteOptions("curated", vendor, SIZE, f"curated/{number}", stepped=True))
        site.arm({"use": corruption, "with": {"rate": 1.0, **SMALL.get(corruption, {})}})
        charts = site.charts
        for index in islice(charts.infections[corruption].patients(), 40) if charts is not None else ():
            shown, true = excerpt(charts, corruption, index)
            person, old = charts.person(index), charts.population.person(index)
            name = slug(f"{old.given[0]} {old.family}")
            if shown and name not in taken:
                called = " ".join((*person.given[:1], person.family))
                who = f"{called}, born {person.birth_date}, records as {vendor} shows them"
                return {"name": name, "who": who, "corruption": corruption}, shown, true
    return None


def excerpt(charts: Charts, corruption: str, index: int) -> tuple[list[JSON], list[JSON]]:
    """What is kept of a chart, as shown and as true; nothing if the corruption does not show in it."""
    infection = charts.infections[corruption]
    true = {key(one): one for one, _ in charts.dress(index, dirty=False)}
    shown = {key(one): one for one, _ in charts.dress(index, dirty=True)}
    offset = infection.offset_of(index)
    second = {}
    if offset is not None:
        second = {key(one): one for one, _ in charts.dress(charts.population.size + offset, dirty=True)}
    touched = list(charts.corrupted(index))
    if not touched and not second:
        touched = list(grown(charts, corruption, index, true))
    if not touched and not second:
        return [], []
    patient = next(iter(true))
    keys = list(dict.fromkeys([patient, *(one for one in touched if one in shown)][: 1 + kept(corruption)]))
    same = [one for one in true if any(alike(true[one], shown[two]) for two in keys if two not in true)]
    keys += [one for one in same if one not in keys]
    return [*(shown[one] for one in keys), *second.values()], [true[one] for one in keys if one in true]


def grown(charts: Charts, corruption: str, index: int, true: dict[str, JSON]) -> Iterator[str]:
    """The keys of what a chart has besides because of a corruption that tells the truth."""
    infection = charts.infections[corruption]
    charts.cure(corruption)
    before = {key(one): one for one, _ in charts.dress(index, dirty=False)}
    charts.infect(infection)
    return (one for one, document in true.items() if before.get(one) != document)


def kept(corruption: str) -> int:
    """How many of the touched records are kept."""
    return 120 if corruption == "long-charts" else FEW


def alike(one: JSON, other: JSON) -> bool:
    """Whether two records say the same under two ids."""
    return {**one, "id": "", "meta": ""} == {**other, "id": "", "meta": ""}


def key(document: JSON) -> str:
    """`Type/id`."""
    return f"{document['resourceType']}/{document['id']}"


def slug(text: str) -> str:
    """A name as part of a file's name."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "nameless"


def readme(rows: list[JSON]) -> str:
    """A line for each patient."""
    lines = [
        "# Curated patients",
        "",
        "Named patients with one dirt each, made by `write_curated.py`; all of them are invented.",
        "`NAME.shown.ndjson` is what a server shows of the records concerned, `NAME.true.ndjson` what is true.",
        "`mockehr corpus show curated/NAME` prints both side by side; `import:` takes the shown ones,",
        "but for those that are no JSON.",
        "",
        "| patient | corruption | what is wrong | a client |",
        "|---|---|---|---|",
    ]
    for row in rows:
        what, client = (
            text.replace("|", "\\|") for text in (summary_of(row["corruption"]), coping_of(row["corruption"]))
        )
        lines.append(f"| `{row['name']}` | {row['corruption']} | {what} | {client} |")
    return "\n".join(lines) + "\n"


def manifest(rows: list[JSON]) -> bytes:
    """What is shipped, file by file."""
    files = {"patients.yaml": {"holds": "Names, persons and corruptions"}}
    for row in rows:
        for which in ("shown", "true"):
            files[f"{row['name']}.{which}.ndjson"] = {"holds": f"{row['corruption']}, as {which}"}
    head = (
        "name: curated\ntitle: Patients with one dirt each, for people to read\ngenerator: write_curated.py\n"
        "licence: CC0-1.0\nsynthetic: true\nnotice: Codes are single ones, as in charts; see ../NOTICE.md.\nfiles:\n"
    )
    return (head + "".join(f'  {name}: {{holds: "{row["holds"]}"}}\n' for name, row in files.items())).encode()


if __name__ == "__main__":
    sys.exit(main())
