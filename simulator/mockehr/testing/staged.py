"""A scenario played in a test: its sites run on the session's server, its verdict is asked for by the test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from mockehr.auth.keys import load_key, private_jwk
from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON
from mockehr.scenarios.parameters import GIVEN_NONE
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.scorecard import Scorecard
from mockehr.scenarios.shipped import find_scenario
from mockehr.scenarios.track import Span
from mockehr.scenarios.trial import Trial
from mockehr.sites.site import Site
from mockehr.sites.test_client import fitting_key
from mockehr.testing.server import WorldServer
from mockehr.testing.site import TestClient


class StagedScenario:
    """A trial on the session's server: what the client is told, and how it did."""

    def __init__(self, trial: Trial, server: WorldServer, mllp_ports: Mapping[str, int]) -> None:
        self.trial = trial
        self._server = server
        self._mllp_ports = mllp_ports
        if not trial.feeds() and not trial.scenario.begin:
            self.begin()

    @property
    def title(self) -> str:
        """The scenario's title."""
        return self.trial.title

    @property
    def story(self) -> str:
        """Which production incident it stands for."""
        return self.trial.scenario.story

    @property
    def seed(self) -> int | str:
        """The seed that the sites' own derive from."""
        return self.trial.scenario.seed

    def environment(self, output: Path) -> dict[str, str]:
        """The variables that tell a client program where the sites are, who it is, and to write into `output`."""
        return self.trial.environment(self._server.url, output, self._mllp_ports)

    def begin(self) -> None:
        """Let the scenario's pathways and phases begin, once the peer under test listens for their messages.

        Where nobody has to listen and no pathway begins, phases have begun already. Once is enough.
        """
        self._server.threaded.call(self.trial.begin)

    def timeline(self) -> list[Span]:
        """Every phase that began so far, site by site: when it began and ended by the site's clock, and why."""
        return self._server.threaded.call(self.trial.timeline)

    def client(self, site: str) -> TestClient:
        """The same for a client that runs in the test's own process, about one site; raises UnknownName."""
        found = self._site(site)
        root, told = f"{self._server.url}/{found.name}", self.trial.scenario.client
        return TestClient(
            told.client_id,
            told.scopes,
            private_jwk(load_key(fitting_key(found.auth.settings.assertion_algs))),
            root + found.token_path,
            (root + found.fhir_path).rstrip("/"),
            tuple(self.trial.rosters[found.name]),
        )

    def verdict(self, records: Mapping[str, Iterable[JSON]] | Path) -> Scorecard:
        """The scorecard of the client that ran: from the journals, and from the records that it ended up with.

        `records` maps names of sites to FHIR resources as plain JSON, or is the folder into which the client wrote
        `<site>.ndjson`. A site without records counts as one where the client has nothing. Raises UnknownName for a
        site that the scenario does not have.
        """
        if isinstance(records, Path):
            return self._server.threaded.call(self.trial.judge, records)
        for name in records:
            self._site(name)
        with TemporaryDirectory(prefix="mockehr-") as folder:
            for name, documents in records.items():
                lines = [orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE) for document in documents]
                (Path(folder) / f"{name}.ndjson").write_bytes(b"".join(lines))
            return self._server.threaded.call(self.trial.judge, Path(folder))

    def _site(self, name: str) -> Site:
        for site in self.trial.sites:
            if site.name == name:
                return site
        raise UnknownName("site of this scenario", name, [site.name for site in self.trial.sites])


def find_trial(
    name: str | Path,
    folders: Iterable[Path] = (),
    *,
    seed: int | str | None = None,
    given: Mapping[str, Any] = GIVEN_NONE,
) -> Trial:
    """A trial of the scenario in the file `name`, looked for here and in `folders`, or of the shipped one so named.

    `seed` takes the place of the scenario's own, `given` of its parameters. Raises UnknownName with the nearest
    shipped ones, and ConfigError for a file that does not hold.
    """
    path = find_scenario(name, folders)
    scenario = load_scenario(path, given)
    return Trial(scenario if seed is None else scenario.model_copy(update={"seed": seed}), base=path.parent)
