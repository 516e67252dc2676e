"""A small receiver of events that copes: `python -m mockehr.examples.careful_receiver`, set up by the environment.

`MOCKEHR_SITES=north,south` and `MOCKEHR_OUTPUT=folder`; per site `MOCKEHR_NORTH_WEBHOOK_PORT`, `_WEBHOOK_SECRET`,
`_FHIR_URL`, `_TOKEN_URL`, `_CLIENT_ID`, `_PRIVATE_KEY` (a JWK), `_SCOPES`. It ends when no site has sent anything for
`MOCKEHR_SILENCE` seconds (4) and writes `<site>.ndjson`: every resource that changed, as it is now, once.

It stands for its reader's own code: nothing here comes from mockehr, and it may be copied.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import queue
import random
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx2
from joserfc import jwk, jwt

log = logging.getLogger("careful_receiver")
Resource = dict[str, Any]

KINDS: Final = ("Patient", "Encounter", "DiagnosticReport")
SIGNATURE: Final = "x-mockehr-signature"
TOLERANCE = 300  # seconds that a signature may be old, by the site's clock
OVERLAP = timedelta(minutes=5)  # by which a poll begins before the last one
POLL_EVERY = 0.5
TRIES = 6
LARGEST = 4 << 20  # octets of a notification
QUEUED = 10_000  # notifications that wait for their turn; more are refused, and come again


class Failed(Exception):
    """A request came to nothing."""


class Records:
    """The newest version of everything, whatever came first; what is gone is remembered as gone."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, Resource | None]] = {}

    def version(self, key: str) -> int:
        """The version held of `Type/id`; 0 for none."""
        return self._kept.get(key, (0, None))[0]

    def keep(self, key: str, version: int, resource: Resource | None) -> None:
        """Note a state, unless a newer one is known; None for a resource that was deleted."""
        if version > self.version(key):
            self._kept[key] = (version, resource)

    def __iter__(self) -> Iterator[Resource]:
        return (resource for _, resource in self._kept.values() if resource is not None)


class Gate:
    """Who is believed: signatures that fit the octets, are not old, and were not seen before."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def fault(self, header: str, body: bytes, now: float) -> str:
        """Why a notification is not believed; empty if it is."""
        pairs = [part.split("=", 1) for part in header.split(",") if "=" in part]
        at = next((value for name, value in pairs if name == "t"), "")
        if not (at.isascii() and at.isdigit()):
            return "not signed"
        wanted = hmac.new(self._secret, at.encode() + b"." + body, sha256).hexdigest().encode()
        # while a secret is being changed there may be several
        if not any(hmac.compare_digest(wanted, value.encode()) for name, value in pairs if name == "v1"):
            return "the signature does not fit"
        if abs(now - int(at)) > TOLERANCE:
            return "the signature is old"
        with self._lock:
            if header in self._seen:
                return "the signature was seen before"
            self._seen = {one: when for one, when in self._seen.items() if when > now - 2 * TOLERANCE}
            self._seen[header] = now
        return ""


class Site:
    """One site's FHIR server: a token, requests that are tried again, and the site's own time."""

    def __init__(self, settings: Mapping[str, str], http: httpx2.Client) -> None:
        self.base = settings["FHIR_URL"].rstrip("/")
        self._settings, self._http = settings, http
        self._token = ""
        self._told, self._heard_at, self._pace = datetime.now(UTC).timestamp(), time.monotonic(), 1.0

    def now(self) -> float:
        """The site's time, as its answers tell it."""
        return self._told + (time.monotonic() - self._heard_at) * self._pace

    def get(self, path: str) -> Resource | None:
        """A resource; None if it is not there or gone. Raises Failed after some tries."""
        trouble = ""
        for attempt in range(TRIES):
            try:
                if not self._token:
                    self._renew()
                headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/fhir+json"}
                answer = self._http.get(f"{self.base}/{path}", headers=headers)
                self._listen(answer)
                if answer.status_code in (404, 410):
                    return None
                if answer.status_code == 200 and isinstance(found := answer.json(), dict):
                    return found
                trouble = str(answer.status_code)
                self._token = "" if answer.status_code == 401 else self._token
                time.sleep(self._told_to_wait(answer))
            except (httpx2.TransportError, ValueError) as error:
                trouble = type(error).__name__
            time.sleep(min(5.0, 0.2 * 2.0**attempt) * random.uniform(0.75, 1.25))
        raise Failed(f"GET {path}: {trouble}")

    def _told_to_wait(self, answer: httpx2.Response) -> float:
        """Seconds to wait by `Retry-After`, in seconds or a date of the site's clock; 0 if it says nothing."""
        value = answer.headers.get("retry-after", "").strip()
        try:
            return (
                float(value) if value.isdigit() else max(0.0, parsedate_to_datetime(value).timestamp() - self.now())
            )
        except (ValueError, TypeError):
            return 0.0

    def history(self, kind: str, since: datetime) -> Iterator[Resource]:
        """The entries of a type's history since then; follows next links as given."""
        path = f"{kind}/_history?_count=200&_since={since:%Y-%m-%dT%H:%M:%SZ}"
        while path:
            page = self.get(path) or {}
            yield from page.get("entry") or []
            links = [one["url"] for one in page.get("link") or [] if one.get("relation") == "next"]
            path = links[0].removeprefix(self.base + "/") if links and links[0].startswith(self.base + "/") else ""

    def _listen(self, answer: httpx2.Response) -> None:
        """Learn from `Date` what time it is there, and how fast it goes by."""
        date = answer.headers.get("date", "")
        if not date:
            return
        told, at = parsedate_to_datetime(date).timestamp(), time.monotonic()
        if at - self._heard_at >= 1.0:
            self._pace = max(0.0, (told - self._told) / (at - self._heard_at))
            self._told, self._heard_at = told, at
        elif abs(told - self.now()) > TOLERANCE:  # the first answer of all
            self._told, self._heard_at = told, at

    def _renew(self) -> None:
        key = jwk.import_key(json.loads(self._settings["PRIVATE_KEY"]))
        algorithm = {"RSA": "RS384", "EC": "ES384"}[key.key_type]
        client, now = self._settings["CLIENT_ID"], int(time.time())
        claims = {"iss": client, "sub": client, "aud": self._settings["TOKEN_URL"], "iat": now, "exp": now + 240}
        form = {
            "grant_type": "client_credentials",
            "scope": self._settings.get("SCOPES", ""),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(
                {"alg": algorithm, "kid": key.kid}, claims | {"jti": str(uuid.uuid4())}, key, algorithms=[algorithm]
            ),
        }
        answer = self._http.post(self._settings["TOKEN_URL"], data=form)
        self._listen(answer)
        self._token = str(answer.json()["access_token"]) if answer.status_code == 200 else ""


class Follower:
    """Keeps up with one site: takes its notifications, works them off one by one, and polls for what none told."""

    def __init__(self, site: Site, secret: str) -> None:
        self.site, self.gate, self.records = site, Gate(secret), Records()
        self.heard = time.monotonic()
        self._queue: queue.Queue[Resource] = queue.Queue(QUEUED)
        self._seen: set[str] = set()
        self._wanted: dict[str, int] = {}
        self._since = datetime.now(UTC) - OVERLAP

    def take(self, header: str, body: bytes) -> int:
        """The status with which a notification is answered, at once: the work is done later."""
        self.heard = time.monotonic()
        fault = self.gate.fault(header, body, self.site.now())
        if fault:
            log.info("refused: %s", fault)
            return 401
        try:
            note = json.loads(body)
            self._queue.put_nowait(note)
        except ValueError:
            return 400
        except queue.Full:
            return 503
        return 202

    def work(self, until: threading.Event) -> None:
        """Work off what comes, and poll now and then, until told to stop; at the end once more."""
        poll_at = 0.0
        while not until.is_set():
            try:
                self._apply(self._queue.get(timeout=0.1))
            except queue.Empty:
                self._fetch()
            if time.monotonic() >= poll_at:
                self.poll()
                poll_at = time.monotonic() + POLL_EVERY
        while not self._queue.empty():
            self._apply(self._queue.get())
        self.poll()
        self._fetch()

    def _apply(self, note: Resource) -> None:
        """One notification. An event is known by its own id, whatever delivery it comes with."""
        event, about = str(note.get("id", "")), note.get("resource") or {}
        if not event or event in self._seen:
            return
        self._seen.add(event)
        key, version = str(about.get("reference", "")), int(about.get("version") or 0)
        if not key or version <= self.records.version(key):
            return  # nothing named: the poll finds it; or older than what we have
        if str(note.get("type", "")).endswith(".deleted"):
            self.records.keep(key, version, None)
        elif isinstance(about.get("document"), dict):
            self.records.keep(key, version, about["document"])
        else:
            self._wanted[key] = max(version, self._wanted.get(key, 0))
            self._fetch()

    def _fetch(self) -> None:
        """Read what was only named; what is not there yet, or not new enough, is read again later."""
        for key, version in list(self._wanted.items()):
            try:
                resource = self.site.get(key)
            except Failed as error:
                log.warning("%s", error)
                continue
            if resource is not None:
                self.records.keep(key, version_of(resource), resource)
            if self.records.version(key) >= version:
                del self._wanted[key]

    def poll(self) -> None:
        """What changed since the last poll, and some time before it: clocks differ, and commits come late."""
        began = datetime.fromtimestamp(self.site.now(), UTC)
        try:
            for kind in KINDS:
                for entry in self.site.history(kind, self._since):
                    request, key = entry.get("request") or {}, "/".join(entry.get("fullUrl", "").split("/")[-2:])
                    told = (entry.get("response") or {}).get("etag", "").strip('W/"')
                    resource = entry.get("resource")
                    gone = request.get("method") == "DELETE"
                    version = int(told) if told.isdigit() else version_of(resource or {})
                    if gone or resource:
                        self.records.keep(key, version, None if gone else resource)
        except Failed as error:
            log.warning("%s", error)  # the same span is asked for again
        else:
            self._since = began - OVERLAP


def version_of(resource: Resource) -> int:
    """`meta.versionId` as a number; 1 where it is none."""
    told = str((resource.get("meta") or {}).get("versionId", ""))
    return int(told) if told.isdigit() else 1


def listen(follower: Follower, port: int, path: str) -> ThreadingHTTPServer:
    """Take notifications on that port from now on."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(min(length, LARGEST))
            right = length <= LARGEST and self.path.partition("?")[0] == path
            self.send_response(follower.take(self.headers.get(SIGNATURE, ""), body) if right else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            log.debug(format, *args)

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def follow(sites: Mapping[str, Mapping[str, str]], silence: float) -> dict[str, Records]:
    """Follow every site until none has told anything for so many seconds."""
    until = threading.Event()
    with httpx2.Client(timeout=20.0) as http:
        followers = {name: Follower(Site(told, http), told.get("WEBHOOK_SECRET", "")) for name, told in sites.items()}
        servers = [
            listen(one, int(sites[name]["WEBHOOK_PORT"]), sites[name].get("WEBHOOK_PATH", "/"))
            for name, one in followers.items()
        ]
        workers = [threading.Thread(target=one.work, args=(until,), daemon=True) for one in followers.values()]
        for worker in workers:
            worker.start()
        while (left := silence + max(one.heard for one in followers.values()) - time.monotonic()) > 0:
            time.sleep(left)
        until.set()
        for worker in workers:
            worker.join()
        for server in servers:
            server.shutdown()
            server.server_close()
    return {name: one.records for name, one in followers.items()}


def settings_of(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of one site without their prefix."""
    prefix = f"MOCKEHR_{name.upper().replace('-', '_')}_"
    return {key.removeprefix(prefix): value for key, value in environment.items() if key.startswith(prefix)}


def main() -> int:
    """Follow every site named in the environment; 2 if a variable is missing."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        output = Path(os.environ["MOCKEHR_OUTPUT"])
        output.mkdir(parents=True, exist_ok=True)
        sites = {name: settings_of(name, os.environ) for name in os.environ["MOCKEHR_SITES"].split(",")}
        kept = follow(sites, float(os.environ.get("MOCKEHR_SILENCE", "4")))
    except KeyError as missing:
        print(f"careful_receiver: the variable {missing} is not set", file=sys.stderr)
        return 2
    for name, records in kept.items():
        (output / f"{name}.ndjson").write_text("".join(json.dumps(one) + "\n" for one in records), "ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
