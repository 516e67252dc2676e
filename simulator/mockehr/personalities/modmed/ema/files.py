"""Attachments of the EMA API: addresses that are signed and soon over. Sources: notes.md of modmed, section EMA."""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.proprietary import Records

_DENIED = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>{text}</Message></Error>'


class Files:
    """What stands for the object store. A place is `binary.{id}`, or `document.{id}` for data within a document."""

    name = "ema-files"
    bearer = False

    def __init__(self, path: str, seconds: float) -> None:
        self._path = path.rstrip("/")
        self._seconds = seconds

    @property
    def paths(self) -> Sequence[str]:
        """See Api."""
        return (self._path,)

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        return (("GET", f"{self._path}/{{place}}", "file"),)

    def signed(self, place: str, records: Records) -> str:
        """The address of a file below the site's root, good from now on for so long."""
        date = _stamp(records.now())
        told = {"X-Amz-Date": date, "X-Amz-Expires": f"{self._seconds:.0f}"}
        return f"{self._path}/{place}?{urlencode(told | {'X-Amz-Signature': _signature(place, told, records)})}"

    def interaction(self, exchange: Exchange) -> Interaction:
        """See Api."""
        return Interaction("file")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        if exchange.method not in ("GET", "HEAD"):
            return self.refuse(
                Problem(405, "interaction-unknown", "The specified method is not allowed", where="GET")
            )
        place = exchange.path.removeprefix(f"{self._path}/")
        query = dict(parse_qsl(exchange.query))
        told = {name: query.get(name, "") for name in ("X-Amz-Date", "X-Amz-Expires")}
        if not hmac.compare_digest(
            _signature(place, told, records).encode(), query.get("X-Amz-Signature", "").encode()
        ):
            return self.refuse(Problem(403, "scope-missing", "The signature does not match"))
        if _stamp(records.now() - float(told["X-Amz-Expires"])) > told["X-Amz-Date"]:
            return self.refuse(Problem(403, "scope-missing", "Request has expired"))
        return self._content(place, records) or self.refuse(
            Problem(404, "not-found", "The specified key does not exist")
        )

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        return Reply(problem.status, [], _DENIED.format(text=problem.text).encode(), None, "application/xml")

    def _content(self, place: str, records: Records) -> Reply | None:
        what, _, id = place.partition(".")
        found = records.read("Binary" if what == "binary" else "DocumentReference", id)
        told: JSON = found or {}
        if what != "binary" and found is not None:
            told = next((one.get("attachment", {}) for one in found.get("content", ())), {})
        try:
            octets = b64decode(str(told.get("data", "")))
        except ValueError:
            octets = b""
        return (
            Reply(200, [], octets, None, str(told.get("contentType", "application/octet-stream"))) if told else None
        )


def _stamp(at: float) -> str:
    """`20260105T120000Z`."""
    return instant(at)[:19].replace("-", "").replace(":", "") + "Z"


def _signature(place: str, told: dict[str, str], records: Records) -> str:
    text = "\n".join((place, told["X-Amz-Date"], told["X-Amz-Expires"]))
    return hmac.new(records.key("file"), text.encode("utf-8", "surrogateescape"), sha256).hexdigest()
