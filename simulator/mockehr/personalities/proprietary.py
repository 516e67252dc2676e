"""What a vendor has beside FHIR: APIs of its own over the same patients, and what they may know of their site.

A vendor's `Personality.apis` names them; a site gives each one channel `proprietary` below its paths, with the nine
stages, so that quirks, journal and audit see it as they see FHIR. Records are read and written as FHIR resources in
the vendor's own dress: the API translates, the site keeps one truth, and every write is a Change that others hear of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem

if TYPE_CHECKING:
    from mockehr.personalities.behind import Behind


class Records(Protocol):
    """One site, as a proprietary API sees it."""

    def now(self) -> float:
        """The site's time, in seconds since 1970."""

    def key(self, *names: str | int) -> bytes:
        """Octets that depend on the site's seed and these names alone: for numbers and tokens that are made up."""

    def read(self, resource_type: str, id: str) -> JSON | None:
        """A current resource as the vendor's FHIR shows it; None if it is not there or deleted."""

    def search(
        self, resource_type: str, query: str = "", *, offset: int = 0, limit: int = 100
    ) -> tuple[int | None, list[JSON]] | Problem:
        """The exact number of matches (None where counting would be dear) and a slice of them.

        `query` is a FHIR search such as `patient=…&category=laboratory`, without the vendor's own rules for searches.
        """

    def written(self, resource_type: str, since: float) -> list[JSON]:
        """Current resources of a type that were written since a site time, oldest first: at a site of any size."""

    def create(self, exchange: Exchange, resource: JSON, id: str = "") -> JSON | Problem:
        """Store a new resource, under an id of the server's own unless `id` is one that nothing has.

        What is wrong with it comes back as a Problem.
        """

    def update(self, exchange: Exchange, resource: JSON) -> JSON | Problem:
        """Store a resource over the one with its id, which has to be there."""

    def patient_number(self, id: str) -> int | None:
        """The number of a patient by its FHIR id, from 1, the same in every run: for APIs whose ids are other ones.

        Patients who were written have numbers above those of the population. None for an unknown id.
        """

    def patient_id(self, number: int) -> str | None:
        """The FHIR id of the patient of that number; None if there is none."""

    def client(self, name: str, secret: str) -> bool:
        """Whether a registered client has that id and secret."""

    def user(self, name: str, password: str) -> bool:
        """Whether somebody can sign in by that name and password (nobody asks for one where none is set)."""

    def own(self, name: str) -> Sequence[str]:
        """Ids of the patients whose portal is opened to somebody who can sign in; none for staff."""

    def grant(self, client: str, seconds: int, token: str = "") -> str:
        """A bearer token of the site's own for a registered client, with all its scopes, good for so long.

        `token` is its text, where the API makes that up.
        """

    @property
    def behind(self) -> Sequence[Behind]:
        """Of a platform: the sites that it stands in front of, in order."""

    def keep(self, drawer: str, name: str, thing: Any, seconds: float) -> None:
        """Keep something that was handed out by a name (a session, a ticket) for so long by the site's clock.

        It must be picklable: several processes may be one site.
        """

    def kept(self, drawer: str, name: str) -> Any:
        """What is kept under a name; None if it is over or never was."""

    def number(self, drawer: str) -> int:
        """A number from 1 that no earlier call for that drawer was given."""

    def forget(self, drawer: str, name: str) -> bool:
        """Let go of what is kept; False if there was nothing."""


class Api(Protocol):
    """One proprietary API of a vendor. It keeps nothing of its own between calls."""

    @property
    def name(self) -> str:
        """What documents call it, such as `athenaone-v1`."""

    @property
    def paths(self) -> Sequence[str]:
        """Path prefixes below the site's root that are its, each with a leading slash and without a trailing one."""

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """(method, path with `{holes}`, interaction) of everything that it answers, for `mockehr routes`."""

    @property
    def bearer(self) -> bool:
        """Whether it wants an access token of the site's own token endpoint, which the site looks at then."""

    def interaction(self, exchange: Exchange) -> Interaction:
        """What is being asked for, in the API's own word."""

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """The answer to a request. `exchange.path` is below the site's root; `exchange.client` who asks, if known.

        Sets `exchange.client`, `exchange.patient` and `exchange.returned` (`Type/id`) where the API knows them.
        """

    def refuse(self, problem: Problem) -> Reply:
        """A refusal of the site's (no token, too many requests, a quirk's) in the API's words."""
