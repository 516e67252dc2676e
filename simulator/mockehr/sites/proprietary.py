"""The nine stages of channel `proprietary`: what a vendor has beside FHIR, over the same records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mockehr.auth.tokens import Grant
from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.pipeline import Stage
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.search import look_up
from mockehr.fhir.writes import Body, check, commit
from mockehr.personalities.behind import Behind
from mockehr.personalities.ids import WRITTEN_FROM
from mockehr.personalities.proprietary import Api
from mockehr.sites.fhir_stages import authorise_by
from mockehr.sites.gathering import without_nulls
from mockehr.sites.token_stages import surrounding

if TYPE_CHECKING:
    from mockehr.sites.site import Site

IMPORTED_FROM: Final = 1 << 40
"""Numbers of patients whose ids say nothing of their place begin here."""


def apis_of(site: Site) -> Mapping[str, Api]:
    """Path prefix below the site's root → whose it is."""
    apis = site.personality.apis(site.facts)
    return MappingProxyType({path: api for api in apis for path in api.paths})


def proprietary_stages(site: Site) -> Mapping[str, Stage]:
    """The stages, bound to the site once."""
    records = SiteRecords(site)
    bearer = authorise_by(site)

    def authorise(exchange: Exchange) -> None:
        if api_at(site, exchange).bearer:
            bearer(exchange)

    def perform(exchange: Exchange) -> None:
        exchange.result = api_at(site, exchange).answer(exchange, records)
        if site.mischief.armed("proprietary", "on_result"):
            site.mischief.disturb("on_result", exchange)

    def shape(exchange: Exchange) -> None:
        answer = exchange.result
        exchange.reply = answer if isinstance(answer, Reply) else api_at(site, exchange).refuse(answer)

    return surrounding(site, authorise, name_call(site), perform, shape)


def name_call(site: Site) -> Stage:
    """Stage `name_interaction`: in the API's own word."""

    def name(exchange: Exchange) -> None:
        if exchange.interaction is None:
            exchange.interaction = api_at(site, exchange).interaction(exchange)

    return name


def api_at(site: Site, exchange: Exchange) -> Api:
    """The API at an exchange's path."""
    found = site.endpoints.api(exchange.path)
    assert found is not None, "the directory admits only what has a path here"
    return found


class SiteRecords:
    """`mockehr.personalities.proprietary.Records` of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def now(self) -> float:
        """See Records."""
        return self._site.clock.now()

    def key(self, *names: str | int) -> bytes:
        """See Records."""
        return self._site.facts.key("proprietary", *names)

    def read(self, resource_type: str, id: str) -> JSON | None:
        """See Records."""
        found = self._site.store.read(resource_type, id)
        return None if found is None or found.deleted else without_nulls(found.document)

    def search(
        self, resource_type: str, query: str = "", *, offset: int = 0, limit: int = 100
    ) -> tuple[int | None, list[JSON]] | Problem:
        """See Records."""
        found = look_up(self._site.fhir, resource_type, query, offset=offset, limit=limit)
        if isinstance(found, Problem):
            return found
        return found[0], [without_nulls(record.document) for record in found[1]]

    def written(self, resource_type: str, since: float) -> list[JSON]:
        """See Records."""
        records = [one for one in self._site.store.overlay(resource_type) if not one.deleted and one.updated >= since]
        return [without_nulls(record.document) for record in sorted(records, key=lambda record: record.updated)]

    def create(self, exchange: Exchange, resource: JSON, id: str = "") -> JSON | Problem:
        """See Records."""
        server, kind = self._site.fhir, str(resource["resourceType"])
        with server.store.transaction():
            if id and server.store.read(kind, id) is not None:
                return Problem(409, "conflict", f"There is {kind}/{id} already", resource_type=kind, value=id)
            wrong = check(server, resource, kind)
            return wrong or self._commit(exchange, resource, id or server.new_id(kind))

    def update(self, exchange: Exchange, resource: JSON) -> JSON | Problem:
        """See Records."""
        server, kind, id = self._site.fhir, str(resource["resourceType"]), str(resource.get("id", ""))
        with server.store.transaction():
            current = server.store.read(kind, id)
            if current is None or current.deleted:
                return Problem(404, "not-found", f"There is no {kind}/{id}", resource_type=kind, value=id)
            wrong = check(server, resource, kind, id)
            return wrong or self._commit(exchange, resource, id)

    def _commit(self, exchange: Exchange, resource: JSON, id: str) -> JSON:
        server = self._site.fhir
        current = server.store.read(str(resource["resourceType"]), id)
        done = commit(server, exchange, Body(resource, b""), id, current).record
        exchange.changes += (self._site.log.changes[-1].number,) if self._site.log.changes else ()
        return done.document

    def patient_number(self, id: str) -> int | None:
        """See Records."""
        if self.read("Patient", id) is None:
            return None
        charts = self._site.charts
        ids = charts.ids if charts is not None else self._site.personality.ids(self._site.facts)
        place = ids.decode("Patient", id)
        if place is not None and place[0] is not None:
            return place[0] + 1
        if id[:1] == "w" and id[1:].isdigit() and ids.fresh("Patient", int(id[1:])) == id:
            return WRITTEN_FROM + int(id[1:]) + 1
        return self._imported(id)

    def patient_id(self, number: int) -> str | None:
        """See Records."""
        site, charts = self._site, self._site.charts
        if number < 1:
            return None
        if charts is not None and number <= charts.size:
            found = charts.patient_id(number - 1)
        elif WRITTEN_FROM < number <= 2 * WRITTEN_FROM:
            ids = charts.ids if charts is not None else site.personality.ids(site.facts)
            found = ids.fresh("Patient", number - 1 - WRITTEN_FROM)
        else:
            written = (record.id for record in site.store.overlay("Patient") if not record.deleted)
            return next((id for id in written if self.patient_number(id) == number), None)
        return found if self.read("Patient", found) is not None else None

    def _imported(self, id: str) -> int:
        return IMPORTED_FROM + int.from_bytes(self.key("patient", id)[:5], "big")

    def client(self, name: str, secret: str) -> bool:
        """See Records."""
        found = self._site.auth.clients.find(name)
        return found is not None and bool(found.secret) and found.secret == secret and found.is_active(self.now())

    def user(self, name: str, password: str) -> bool:
        """See Records."""
        found = self._site.auth.users.find(name)
        return found is not None and found.password in ("", password)

    def own(self, name: str) -> Sequence[str]:
        """See Records."""
        found = self._site.auth.users.find(name)
        return () if found is None or found.staff else found.patients

    def grant(self, client: str, seconds: int, token: str = "") -> str:
        """See Records."""
        site, now = self._site, self.now()
        draft = Grant(client, site.auth.clients.get(client).scopes, now, now + seconds, seconds, token)
        return site.auth.tokens.issue(draft, token_url=site.token_path).token

    @property
    def behind(self) -> Sequence[Behind]:
        """See Records."""
        return self._site.front.behind if self._site.front is not None else ()

    def keep(self, drawer: str, name: str, thing: Any, seconds: float) -> None:
        """See Records."""
        self._site.auth.drawers[f"proprietary {drawer}"].put(name, thing, self.now() + seconds)

    def kept(self, drawer: str, name: str) -> Any:
        """See Records."""
        return self._site.auth.drawers[f"proprietary {drawer}"].get(name, self.now())

    def number(self, drawer: str) -> int:
        """See Records."""
        return self._site.auth.drawers[f"proprietary {drawer}"].next_number()

    def forget(self, drawer: str, name: str) -> bool:
        """See Records."""
        return self._site.auth.drawers[f"proprietary {drawer}"].take(name, self.now()) is not None


def routes_of_apis(apis: Sequence[Api]) -> list[tuple[str, str, str]]:
    """(method, path below the root, interaction) of all of them, once each, however many paths lead to an API."""
    return list(dict.fromkeys(route for api in apis for route in api.routes))
