"""Corpora: folders of a site's records for use without a server, a pure function of what the manifest says.

A corpus is made chart by chart, so that its size does not matter. Beside the records as shown lie the true ones
(`truth/`), and a list of those that are not shown as they are (`corrupted.ndjson`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Protocol

from mockehr.config.load import load_file
from mockehr.core.clock import STEPPED_START, instant
from mockehr.core.errors import EnvironmentProblem, UsageError
from mockehr.core.exchange import JSON
from mockehr.fhir.record import encode
from mockehr.population.corruption.reworking import seconds_of
from mockehr.sites.build import build_site
from mockehr.sites.charts import Charts
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

FORMAT: Final = 1
"""Of the manifest."""
MANIFEST: Final = "manifest.yaml"
CORRUPTED: Final = "corrupted.ndjson"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a corpus follows from. `start` is the day as of which its patients live, in seconds since 1970."""

    personality: str = "generic"
    patients: int = 100
    seed: int | str = 7
    dirt: str = ""
    start: float = STEPPED_START

    def site(self) -> Site:
        """The site whose records these are; raises UnknownName for a personality or preset that there is not."""
        options = SiteOptions(
            "corpus", self.personality, self.patients, self.seed, stepped=True, start=self.start, dirt=self.dirt,
            open_access=True, charts_kept=4,
        )  # fmt: skip
        return build_site(options)


@dataclass(frozen=True, slots=True)
class ChartRecords:
    """One patient's records: as shown, as they are, and which of them differ, by `Type/id` with the corruptions.

    Of a second record `true` is empty, and `survivor` has the `Patient/id` of whose it is.
    """

    patient: str
    shown: Sequence[JSON]
    true: Sequence[JSON]
    corrupted: Mapping[str, Sequence[str]]
    survivor: str = ""


class Form(Protocol):
    """How a corpus is written. Called once with what belongs to nobody, then for each chart, then at the end."""

    def begin(self, site: Site, shared: Sequence[JSON], folder: Folder) -> None:
        """Before the first chart."""

    def take(self, chart: ChartRecords, folder: Folder) -> None:
        """One chart."""

    def end(self, folder: Folder) -> None:
        """After the last chart."""


class Folder:
    """A folder being written: each file once, from front to back, with its hash and how many records it holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stack = ExitStack()
        self._files: dict[str, tuple[IO[bytes], Any]] = {}
        self._counts: dict[str, list[int]] = {}
        self._whole: dict[str, JSON] = {}

    def __enter__(self) -> Folder:
        if self.path.exists() and any(self.path.iterdir()):
            raise UsageError(f"{self.path} is not empty.", remedy="Name a new folder, or empty this one.")
        self.path.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def append(self, name: str, octets: bytes) -> None:
        """Add a record to a file, which stays open."""
        found = self._files.get(name)
        if found is None:
            opened = self._stack.enter_context(self._made(name).open("wb"))
            found = self._files[name] = opened, sha256()
            self._counts[name] = [0, 0]
        found[0].write(octets)
        found[1].update(octets)
        self._counts[name][0] += 1
        self._counts[name][1] += len(octets)

    def lay(self, name: str, octets: bytes, records: int) -> None:
        """Write a whole file."""
        self._made(name).write_bytes(octets)
        self._whole[name] = {"records": records, "bytes": len(octets), "sha256": sha256(octets).hexdigest()}

    def files(self) -> dict[str, JSON]:
        """What was written, by name; files of one folder beyond a hundred as one row with a hash of their hashes."""
        rows = {
            name: {"records": count, "bytes": size, "sha256": self._files[name][1].hexdigest()}
            for name, (count, size) in self._counts.items()
        }
        by_folder: dict[str, list[str]] = {}
        for name in self._whole:
            by_folder.setdefault(name.rpartition("/")[0], []).append(name)
        for folder, names in by_folder.items():
            if len(names) <= 100:
                rows |= {name: self._whole[name] for name in names}
                continue
            mark = sha256("".join(self._whole[name]["sha256"] for name in sorted(names)).encode())
            sums = {key: sum(self._whole[name][key] for name in names) for key in ("records", "bytes")}
            rows[f"{folder}/"] = {"files": len(names), **sums, "sha256": mark.hexdigest()}
        return dict(sorted(rows.items()))

    def _made(self, name: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def charts_of(site: Site) -> Iterator[ChartRecords]:
    """Every chart of a site in its order, second records last; raises UsageError if the site has none."""
    charts = site.charts
    if charts is None:
        raise UsageError(f"{site.personality.name} has no patients of its own.", remedy="Name a vendor of records.")
    size = charts.population.size
    for index in range(size):
        yield _chart(charts, index)
    for second, survivor in charts.survivors():
        shown = [document for document, _ in charts.dress(second, dirty=True)]
        by = charts.second_of(second).name
        keys = {_key(document): (by,) for document in shown}
        yield ChartRecords(charts.patient_id(second), shown, (), keys, f"Patient/{charts.patient_id(survivor)}")


def _chart(charts: Charts, index: int) -> ChartRecords:
    true, shown, corrupted = charts.compared(index)
    found = {key: tuple(one.name for one in by) for key, by in corrupted.items()}
    return ChartRecords(charts.patient_id(index), shown, true, found)


def make_corpus(
    path: Path, recipe: Recipe, forms: Mapping[str, Form], *, told: Callable[[int], None] = lambda done: None
) -> JSON:
    """Write a corpus in those forms into a new folder, and its manifest, and give that; `told` hears of each chart.

    Raises UsageError for a folder that has something in it.
    """
    from mockehr import __version__

    site = recipe.site()
    try:
        with Folder(path) as folder:
            shared = _shared(site)
            for form in forms.values():
                form.begin(site, shared, folder)
            for done, chart in enumerate(charts_of(site), 1):
                for form in forms.values():
                    form.take(chart, folder)
                for row in rows_of(chart):
                    folder.append(CORRUPTED, encode(row) + b"\n")
                told(done)
            for form in forms.values():
                form.end(folder)
        made = {"format": FORMAT, "mockehr": __version__, **asdict(recipe), "start": instant(recipe.start)}
        manifest = {**made, "synthetic": True, "forms": sorted(forms), "files": folder.files()}
        _write_yaml(path / MANIFEST, manifest)
        return manifest
    finally:
        site.close()


def rows_of(chart: ChartRecords) -> Iterator[JSON]:
    """The lines of `corrupted.ndjson`: `key`, `corruption`, `what` (members that differ), and of doubles `of`."""
    shown = {_key(document): document for document in chart.shown}
    true = {_key(document): document for document in chart.true}
    for key, names in chart.corrupted.items():
        row: JSON = {"key": key, "patient": chart.patient, "corruption": list(names)}
        if key in true and key in shown:
            members = dict.fromkeys((*true[key], *shown[key]))
            row["what"] = [one for one in members if true[key].get(one) != shown[key].get(one)]
        else:
            row["what"] = ["(a second record)"]
            row |= {"of": chart.survivor} if chart.survivor else {}
        yield row


def read_recipe(path: Path) -> tuple[Recipe, JSON]:
    """The recipe of a corpus folder, and its whole manifest; raises EnvironmentProblem if it has none."""
    place = path / MANIFEST
    if not place.is_file():
        raise EnvironmentProblem(
            f"{path} is no corpus: it has no {MANIFEST}.", remedy="Make one: mockehr corpus make."
        )
    told = dict(load_file(place).value)
    if told.get("format") != FORMAT:
        what = f"{place} is of format {told.get('format')!r}, not {FORMAT}."
        raise UsageError(what, remedy="Make the corpus anew.")
    recipe = Recipe(told["personality"], told["patients"], told["seed"], told["dirt"], seconds_of(str(told["start"])))
    return recipe, told


def found_in(path: Path) -> list[tuple[Path, JSON]]:
    """The corpora in a folder and right below it, with their manifests."""
    places = [path, *sorted(one for one in path.iterdir() if one.is_dir())] if path.is_dir() else []
    made = []
    for place in places:
        told = load_file(place / MANIFEST).value if (place / MANIFEST).is_file() else {}
        if isinstance(told, dict) and told.get("format") == FORMAT and "personality" in told:
            made.append((place, dict(told)))
    return made


def changed_files(path: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Files of a corpus that are not as its manifest says, by name; those told as one row are not looked at."""
    wrong = []
    for name, row in manifest["files"].items():
        if name.endswith("/"):
            continue
        place = path / name
        mark = sha256()
        if place.is_file():
            with place.open("rb") as opened:
                while piece := opened.read(1 << 20):
                    mark.update(piece)
        if mark.hexdigest() != row["sha256"]:
            wrong.append(name)
    return wrong


def _shared(site: Site) -> list[JSON]:
    from mockehr.fhir.search.neighbours import SHARED_TYPES

    kinds = sorted(SHARED_TYPES - {"Group"})
    return [record.document for kind in kinds for record in (site.charts.shared(kind) if site.charts else ())]


def _key(document: JSON) -> str:
    return f"{document['resourceType']}/{document['id']}"


def _write_yaml(path: Path, document: JSON) -> None:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 4096
    with path.open("wb") as opened:
        yaml.dump(document, opened)
