"""Applying the armed rules of a site at the points where misbehaviour is possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import blake2b
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from mockehr.core.chance import Chance, Stream
from mockehr.core.clock import Clock
from mockehr.core.errors import DuplicateName, UnknownName
from mockehr.core.exchange import CHANNELS, Decision, Exchange
from mockehr.quirks.base import Act, World
from mockehr.quirks.rule import Rule

SKIPS_KEPT: Final = 256
_MESSAGES: Final = frozenset(("mllp-in", "mllp-out"))
"""Channels whose clients are named by the messages themselves: nobody shows a token."""


class Mischief:
    """All rules armed at one site, in order of arming, and the decisions they take.

    `routes` has, by channel, what names an exchange's interaction when a rule needs to know it before its stage.
    """

    def __init__(
        self, clock: Clock, chance: Chance, world: World, routes: Mapping[str, Callable[[Exchange], None]]
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._world = world
        self._routes = routes
        self.rules: dict[str, Rule] = {}
        self.phase = ""
        self._table: dict[tuple[str, str], tuple[Rule, ...]] = {}
        self._clients: dict[tuple[str, str], frozenset[str]] = {}
        """Whom the rules of a point are for, where each is for one client."""
        self._left: dict[tuple[str, str, str], tuple[Decision, ...]] = {}
        """The decisions of all rules of a point on a client whom none of them is for."""
        self._key: Callable[[Exchange], str] = exchange_key

    def arm(self, rule: Rule) -> Rule:
        """Arm the rule from now on; raises DuplicateName if its name is taken."""
        if rule.name in self.rules:
            raise DuplicateName("rule", rule.name, self.rules[rule.name].about.name, rule.about.name)
        rule.armed_at = self._clock.now()
        self.rules[rule.name] = rule
        self._fold()
        return rule

    def disarm(self, name: str) -> None:
        """Take the rule away; raises UnknownName if there is none of that name."""
        if self.rules.pop(name, None) is None:
            raise UnknownName("rule", name, self.rules)
        self._fold()

    def clear(self) -> None:
        """Take all rules away."""
        self.rules.clear()
        self.phase = ""
        self._fold()

    def armed(self, channel: str, capability: str) -> tuple[Rule, ...]:
        """The rules that may act on that channel at that point; the hot path asks this and mostly gets ()."""
        return self._table.get((channel, capability), ())

    def disturb(self, capability: str, exchange: Exchange) -> None:
        """Let every rule with `capability` act on the exchange; each leaves a decision."""
        rules = self._table.get((exchange.channel, capability))
        if not rules or self._leave_alone(rules, capability, exchange):
            return
        for rule in rules:
            act = self._decide(rule, capability, exchange)
            if act is not None:
                getattr(rule.quirk, capability)(exchange, act)
                self._note(rule, capability, exchange, act)

    def amend(self, capability: str, thing: Any, exchange: Exchange) -> Any:
        """Like `disturb`, for capabilities that return a replacement (`on_grant`, `on_read`) or act on a part."""
        for rule in self.armed(exchange.channel, capability):
            act = self._decide(rule, capability, exchange)
            if act is not None:
                answer = getattr(rule.quirk, capability)(thing, act)
                thing = thing if answer is None else answer
                self._note(rule, capability, exchange, act)
        return thing

    def _decide(self, rule: Rule, capability: str, exchange: Exchange) -> Act | None:
        where = rule.where
        message = exchange.channel in _MESSAGES
        if exchange.interaction is None and (where.needs_interaction or (message and where.client)):
            self._look_ahead(exchange)
        if where.client and not exchange.client and not message:
            exchange.client = self._world.claimant(exchange)
        why = where.difference(exchange)
        if why:
            exchange.decisions += (rule.skips.get((capability, why)) or _skip(rule, capability, why),)
            return None
        rule.seen += 1
        now = self._clock.now()
        act = Act(now, self._world, rule.memory, partial(self._throw, rule, capability, exchange))
        draw = act.dice.random() if rule.when.probability < 1 else 0.0
        why = rule.when.refusal(
            seen=rule.seen, fired=rule.fired, draw=draw, since_armed=now - rule.armed_at, phase=self.phase
        )
        if not why:
            return act
        exchange.decisions += (Decision(rule.name, rule.about.name, capability, "skipped", why),)
        return None

    def _leave_alone(self, rules: tuple[Rule, ...], capability: str, exchange: Exchange) -> bool:
        """True where all rules are for other clients than this one: then their decisions are known together."""
        clients = self._clients.get((exchange.channel, capability))
        if clients is None:
            return False
        if not exchange.client and exchange.interaction is None and exchange.channel in _MESSAGES:
            self._look_ahead(exchange)
        client = exchange.client
        if not client or client in clients:
            return False
        key = (exchange.channel, capability, client)
        left = self._left.get(key)
        if left is None:
            skipped = [(rule, rule.where.difference(exchange)) for rule in rules]
            left = tuple(rule.skips.get((capability, why)) or _skip(rule, capability, why) for rule, why in skipped)
            if len(self._left) < SKIPS_KEPT:
                self._left[key] = left
        exchange.decisions += left
        return True

    def _throw(self, rule: Rule, capability: str, exchange: Exchange) -> Stream:
        """The stream of that rule for that exchange: the same in every run and in any order of other exchanges."""
        key = self._key(exchange)
        number = rule.occurrences[key] = rule.occurrences.get(key, 0) + 1
        return self._chance.stream("rule", rule.name, capability, key, number)

    def _look_ahead(self, exchange: Exchange) -> None:
        """Name the interaction early. A refusal is left to its own stage, so that arming a rule changes no answer."""
        route = self._routes.get(exchange.channel)
        if route is None:
            return
        before = exchange.result
        route(exchange)
        if exchange.result is not before:
            exchange.result, exchange.interaction = before, None

    def _note(self, rule: Rule, capability: str, exchange: Exchange, act: Act) -> None:
        rule.fired += not act.idle
        outcome: Literal["idle", "fired"] = "idle" if act.idle else "fired"
        exchange.decisions += (Decision(rule.name, rule.about.name, capability, outcome, act.why),)

    def _fold(self) -> None:
        table: dict[tuple[str, str], list[Rule]] = {}
        for rule in self.rules.values():
            channels = (rule.where.channel,) if rule.where.channel else rule.about.channels or CHANNELS
            for channel in channels:
                for capability in rule.about.capabilities:
                    if takes_part(rule.quirk, channel, capability):
                        table.setdefault((channel, capability), []).append(rule)
        self._table = {point: tuple(rules) for point, rules in table.items()}
        told = {point: frozenset(rule.where.client for rule in rules) for point, rules in table.items()}
        self._clients = {point: clients for point, clients in told.items() if "" not in clients}
        self._left.clear()


def _skip(rule: Rule, capability: str, why: str) -> Decision:
    """The decision not to act, kept at the rule: an armed rule that is for other exchanges should cost little."""
    made = Decision(rule.name, rule.about.name, capability, "skipped", why)
    if len(rule.skips) < SKIPS_KEPT:
        rule.skips[capability, why] = made
    return made


def takes_part(quirk: Any, channel: str, capability: str) -> bool:
    """Whether a quirk, set up as it is, has anything to do there; asked once, when its rule is armed."""
    told = getattr(quirk, "takes_part", None)
    return told is None or bool(told(channel, capability))


def exchange_key(exchange: Exchange) -> str:
    """What is asked for, in a form that two runs and two orders of arrival share.

    Token requests are keyed by who asks for what, since assertions differ each time, and so are authorization
    requests, whose `state` and code challenge do; deliveries by endpoint and changes; all else by method, path, query
    and body.
    """
    if exchange.channel == "token":
        form = dict(parse_qsl(exchange.body.decode("utf-8", "replace")))
        return f"token {exchange.client} {form.get('grant_type', '')} {form.get('scope', '')}"
    if exchange.channel == "authorize":
        form = dict(parse_qsl(exchange.query or exchange.body.decode("utf-8", "replace")))
        asked = " ".join(form.get(name, "") for name in ("client_id", "redirect_uri", "scope", "pending"))
        return f"authorize {exchange.method} {exchange.path} {asked}"
    if exchange.channel == "webhook":  # asked before it is written
        asked = exchange.interaction.name if exchange.interaction is not None else ""
        return f"webhook {exchange.peer} {asked} {exchange.changes}"
    body = blake2b(exchange.body, digest_size=8).hexdigest() if exchange.body else ""
    return f"{exchange.channel} {exchange.method} {exchange.path}?{exchange.query} {body}"
