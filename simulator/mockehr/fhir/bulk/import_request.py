"""What a client asks for with `$import`: Parameters, or the same as a plain JSON object; read and checked.

(SMART bulk import draft, "Bulk Data Import Kick-off Request".)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from mockehr.core.errors import nearest_names
from mockehr.core.problem import Problem
from mockehr.fhir.bulk.import_job import ImportFile, ImportSettings
from mockehr.fhir.bulk.request import FORMATS
from mockehr.fhir.operations.base import Input, value_of

if TYPE_CHECKING:
    from mockehr.fhir.server import FhirServer

PARAMETERS: Final = ("inputFormat", "inputSource", "storageDetail", "input")
STORAGE: Final = frozenset({"http", "https"})
SCHEMES: Final = frozenset({"http", "https"})
LONGEST: Final = 8192
"""Letters of a file's address; signed ones of object stores have up to two thousand."""


def read_files(server: FhirServer, settings: ImportSettings, given: Input) -> tuple[ImportFile, ...] | Problem:
    """The files to be fetched, or what is wrong with the request (400)."""
    values = _values(given)
    if isinstance(values, Problem):
        return values
    unknown = next((name for name in values if name not in PARAMETERS), "")
    if unknown:
        close = nearest_names(unknown, PARAMETERS)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        return Problem(400, "parameter-unknown", f"{unknown} is no parameter of $import{hint}", parameter=unknown)
    for form in values.get("inputFormat", ()):
        if str(form) not in FORMATS:
            return _wrong("inputFormat", str(form), f"{form!r} is not taken; {', '.join(sorted(FORMATS))} are")
    for detail in values.get("storageDetail", ()):
        told = _parts(detail).get("type", "https")
        if told not in STORAGE:
            return _wrong("storageDetail", str(told), f"{told!r} is no storage from which files are fetched here")
    wanted = values.get("input", [])
    if not 0 < len(wanted) <= settings.most_files:
        text = f"there are {len(wanted)} input; 1 to {settings.most_files} are taken at once"
        return Problem(400, "parameter-missing" if not wanted else "parameter-invalid", text, parameter="input")
    return _each(wanted, lambda one: _file(server, settings, _parts(one)))


def _each(wanted: Sequence[Any], read: Callable[[Any], ImportFile | Problem]) -> tuple[ImportFile, ...] | Problem:
    files: list[ImportFile] = []
    for one in wanted:
        file = read(one)
        if isinstance(file, Problem):
            return file
        files.append(file)
    return tuple(files)


def _values(given: Input) -> dict[str, list[Any]] | Problem:
    """Every parameter by name, whichever form it came in."""
    plain = given.resource
    if plain is None:
        return {name: given.all(name) for name in given}
    if "resourceType" in plain:
        text = f"the body is a {plain['resourceType']!r:.60} and no Parameters"
        return Problem(400, "body-invalid", text, expression=("resourceType",))
    return {name: value if isinstance(value, list) else [value] for name, value in plain.items()}


def _parts(value: Any) -> dict[str, str]:
    """A parameter with parts, or a plain object, by name; what is no text does not count."""
    if isinstance(value, dict):
        return {name: told for name, told in value.items() if isinstance(told, str)}
    found = ((one["name"], value_of(one)) for one in _named(value))
    return {name: told for name, told in found if isinstance(told, str)}


def _named(parts: Any) -> Iterator[dict[str, Any]]:
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and isinstance(part.get("name"), str):
            yield part


def _file(server: FhirServer, settings: ImportSettings, parts: dict[str, str]) -> ImportFile | Problem:
    kind, url = parts.get("type", ""), parts.get("url", "")
    if kind not in server.types:
        close = nearest_names(kind[:64], server.types)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        return _wrong("input.type", kind, f"{kind[:100] or 'nothing'} is no type of this server{hint}")
    if len(url) > LONGEST:
        return _wrong("input.url", url, f"an address has {len(url)} letters; {LONGEST} are allowed")
    try:
        place = urlsplit(url)
        host, _ = (place.hostname or "").rstrip(".").lower(), place.port
    except ValueError as error:
        return _wrong("input.url", url, f"{url[:200]} is no address: {error}")
    if place.scheme not in SCHEMES or not host:
        return _wrong("input.url", url, f"{url[:200] or 'nothing'} is no http or https address")
    if not _is_loopback(host) and host not in settings.hosts:
        return _wrong(
            "input.url", url, f"nothing is fetched from {host}, which the setting import.hosts does not name"
        )
    return ImportFile(kind, url)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong(name: str, value: str, text: str) -> Problem:
    return Problem(400, "parameter-invalid", text, parameter=name, value=value[:200])
