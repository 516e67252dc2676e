"""Two authorization servers that are one, by what lies in a file: what one does holds at the other at once."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.auth.conftest import TOKEN_URL

from mockehr.auth.refusal import Refused
from mockehr.auth.scopes import Scopes
from mockehr.auth.server import AuthServer
from mockehr.auth.settings import AuthSettings
from mockehr.auth.shelf import PRUNED_AFTER, TABLES, SharedReplays, SqliteShelf
from mockehr.auth.tokens import Grant, TokenFault
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock


@dataclass(slots=True)
class Word:
    value: int = 0

    def read(self) -> int:
        return self.value

    def next(self) -> int:
        self.value += 1
        return self.value


@dataclass(slots=True)
class Pair:
    clock: Clock
    servers: list[AuthServer]
    connections: list[sqlite3.Connection]

    def issue(self, which: int = 0, client: str = "backend", lifetime: float = 300.0) -> Grant:
        now = self.clock.now()
        draft = Grant(client, Scopes.parse("system/*.rs"), now, now + lifetime, int(lifetime))
        return self.servers[which].tokens.issue(draft, token_url=TOKEN_URL)

    def seen(self, grant: Grant) -> list[str]:
        """What the token is at either: `works`, or why not."""
        found = [server.look_up(grant.token) for server in self.servers]
        return [one.kind if isinstance(one, TokenFault) else "works" for one in found]


@pytest.fixture
def pair(tmp_path: Path):
    clock, word = Clock(stepped=True), Word()
    servers, connections = [], []
    for _ in range(2):
        connection = sqlite3.connect(tmp_path / "shared.sqlite", isolation_level=None)
        for table in TABLES:
            connection.execute(table)
        server = AuthServer(clock=clock, chance=Chance(7), settings=AuthSettings(token_format="opaque"))
        server.tokens.share(SqliteShelf(connection, word, kept=PRUNED_AFTER))
        server.assertions.memory = SharedReplays(connection)
        servers.append(server)
        connections.append(connection)
    yield Pair(clock, servers, connections)
    for connection in connections:
        connection.close()


def test_a_token_that_one_issued_works_at_both_and_no_two_are_alike(pair: Pair) -> None:
    grants = [pair.issue(turn % 2) for turn in range(6)]
    assert [grant.number for grant in grants] == [1, 2, 3, 4, 5, 6]
    assert len({grant.token for grant in grants}) == 6
    assert [pair.seen(grant) for grant in grants] == [["works", "works"]] * 6
    assert pair.servers[1].look_up(grants[0].token) == grants[0]
    assert pair.issue(1, "other").number == 1


def test_a_token_ends_at_both_when_it_expires_is_revoked_or_made_to_expire_at_one(pair: Pair) -> None:
    short, first, second = pair.issue(lifetime=10), pair.issue(), pair.issue(1)
    assert [pair.seen(grant) for grant in (short, first, second)] == [["works", "works"]] * 3
    pair.clock.advance(10)
    assert pair.seen(short) == ["expired", "expired"]
    assert pair.servers[1].revoke(first.token)
    assert not pair.servers[0].revoke(first.token)
    assert pair.seen(first) == ["revoked", "revoked"]
    assert pair.servers[0].expire_all("backend") == 1
    assert pair.seen(second) == ["expired", "expired"]
    assert pair.servers[0].expire_all() == 0


def test_all_tokens_of_a_client_are_known_to_both(pair: Pair) -> None:
    mine, theirs = [pair.issue(turn) for turn in range(2)], pair.issue(1, "other")
    assert [server.tokens.working("backend") for server in pair.servers] == [mine, mine]
    assert pair.servers[0].tokens.revoke_all("backend") == 2
    assert [pair.seen(grant) for grant in (*mine, theirs)] == [["revoked"] * 2, ["revoked"] * 2, ["works"] * 2]


def test_forgetting_everything_holds_at_both_and_numbers_start_anew(pair: Pair) -> None:
    before = pair.issue()
    assert pair.seen(before) == ["works", "works"]
    pair.servers[1].clear()
    assert pair.seen(before) == ["unknown", "unknown"]
    assert pair.issue(1).number == 1


def test_the_oldest_dead_tokens_are_forgotten_and_living_ones_never(pair: Pair) -> None:
    living = pair.issue(lifetime=10_000)
    dead = [pair.issue(lifetime=1) for _ in range(PRUNED_AFTER)]
    pair.clock.advance(5)
    for _ in range(2 * PRUNED_AFTER):
        pair.issue(1, lifetime=1)
    fresh = pair.servers[0].tokens
    fresh.share(SqliteShelf(pair.connections[0], Word(), kept=PRUNED_AFTER))
    assert isinstance(found := fresh.look_up(dead[0].token), TokenFault)
    assert found.kind == "unknown"
    assert fresh.look_up(living.token) == living


def test_a_jti_that_was_used_at_one_is_replayed_at_the_other_until_it_is_over(pair: Pair) -> None:
    first, second = (server.assertions.memory for server in pair.servers)
    first.remember("backend", "j\ud800", until=100.0, now=0.0)
    assert second.seen("backend", "j\ud800", 99.0)
    assert not second.seen("backend", "j\ud800", 100.0)
    assert not second.seen("other", "j\ud800", 1.0)
    with pytest.raises(Refused) as refused:
        second.remember("backend", "j\ud800", until=100.0, now=1.0)
    assert refused.value.reason == "jti-replayed"
    second.remember("backend", "later", until=300.0, now=200.0)
    assert (len(first), len(second)) == (1, 1)
    first.clear()
    assert not second.seen("backend", "later", 201.0)
