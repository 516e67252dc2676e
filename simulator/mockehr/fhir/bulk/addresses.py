"""Where jobs and files of an export are, by templates: made for clients, and recognised when they come back.

`{root}` is the site's root, `{base}` the FHIR base; `{job}`, `{group}`, `{file}` and `{kind}` name things. They may
stand in the path or in the query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qs, quote

from mockehr.fhir.bulk.import_job import ImportSettings
from mockehr.fhir.bulk.settings import BulkSettings

What = Literal["bulk-status", "bulk-file", "bulk-stored", "import-status", "import-file"]
_FIELD: Final = re.compile(r"\{(job|group|file|kind)\}")


@dataclass(frozen=True, slots=True)
class Found:
    """What an address means; names that it does not tell are empty."""

    what: What
    job: str = ""
    file: str = ""


class _Template:
    """One kind of address below the site's root."""

    def __init__(self, what: What, text: str, base_path: str) -> None:
        self.what = what
        below = text.replace("{root}", "").replace("{base}", base_path)
        path, _, query = below.partition("?")
        self.below = below
        self.head = path.partition("{")[0]
        parts = _FIELD.split(path)
        pattern = "".join(f"(?P<{part}>[^/]+?)" if n % 2 else re.escape(part) for n, part in enumerate(parts))
        self._path = re.compile(pattern)
        self._query = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)

    def find(self, path: str, query: str) -> Found | None:
        """What a path below the site's root means; None if it is none of these."""
        found = self._path.fullmatch(path)
        if found is None:
            return None
        named = found.groupdict()
        given = parse_qs(query) if self._query else {}
        for key, field in self._query.items():
            place = _FIELD.fullmatch(field)
            if place is not None:
                named[place[1]] = given.get(key, [""])[0]
        return Found(self.what, named.get("job", ""), named.get("file", ""))


class Addresses:
    """The addresses of one site; `base_path` is the FHIR base below its root, without a last slash."""

    def __init__(self, settings: BulkSettings, base_path: str, imports: ImportSettings | None = None) -> None:
        """`imports` is None where nothing is imported."""
        self._base_path = base_path
        self._status = _Template("bulk-status", settings.status_url, base_path)
        self._file = _Template("bulk-file", settings.file_url, base_path)
        self._stored = _Template("bulk-stored", settings.stored_url, base_path)
        redirects = settings.files == "redirect"
        # A file's address may look like a job's with more behind it: the longer head is looked at first.
        every = [self._file, self._status, *([self._stored] if redirects else ())] if settings.levels else []
        self._imports: tuple[_Template, ...] = ()
        if imports is not None:
            told: tuple[tuple[What, str], ...] = (
                ("import-status", imports.status_url),
                ("import-file", imports.file_url),
            )
            self._imports = tuple(_Template(what, text, base_path) for what, text in told)
        every += self._imports
        self._every = tuple(sorted(every, key=lambda one: -len(one.head)))
        self._heads = tuple({one.head for one in every})

    def serves(self, path: str) -> bool:
        """Whether a path below the site's root is one of these. Cheap: most are none."""
        return path.startswith(self._heads) and any(one.find(path, "") for one in self._every)

    def offered(self) -> Iterator[tuple[What, str]]:
        """What there is, and where below the site's root, with the names of what stands in the address."""
        yield from ((one.what, one.below) for one in reversed(self._every))

    def find(self, path: str, query: str) -> Found | None:
        """What is at a path below the site's root."""
        return next((found for one in self._every if (found := one.find(path, query)) is not None), None)

    def status(self, base_url: str, job: str, group: str) -> str:
        """Where a job is polled, for a client that addressed the FHIR base like that."""
        return self._filled(self._status, base_url, job=job, group=group)

    def file(self, base_url: str, job: str, file: str, kind: str) -> str:
        """Where a file is fetched."""
        return self._filled(self._file, base_url, job=job, file=file, kind=kind)

    def stored(self, base_url: str, file: str) -> str:
        """Where the octets of a file are that is fetched by a redirect, without what signs it."""
        return self._filled(self._stored, base_url, file=file)

    def import_status(self, base_url: str, job: str) -> str:
        """Where an import is polled."""
        return self._filled(self._imports[0], base_url, job=job)

    def import_file(self, base_url: str, job: str, file: str) -> str:
        """Where it is fetched what of a file was refused."""
        return self._filled(self._imports[1], base_url, job=job, file=file)

    def _filled(self, template: _Template, base_url: str, **names: str) -> str:
        root = base_url.removesuffix(self._base_path)
        return root + _FIELD.sub(lambda field: quote(names.get(field[1], ""), safe=""), template.below)
