"""What people may write in a site, server or scenario file: one model per section, unknown keys refused.

Sections that another package turns into its own values (rules, clients) come back as plain settings from `plain()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mockehr.config.explain import known_as, known_names, refuse_settings
from mockehr.config.scalars import Count, Duration, Moment, Names, Port, Share, Words
from mockehr.core.exchange import Channel


class Section(BaseModel):
    """Base of all sections: strict types, nothing unknown, never changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    def plain(self) -> dict[str, Any]:
        """What was written, as plain settings under the names that a file uses; durations are seconds."""
        return self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)


class WhereConfig(Section):
    """Which exchanges a rule is for; what is left out means any."""

    channel: Channel | None = None
    client: str | None = None
    """A client id."""
    interaction: Names = Field(default_factory=list)
    """`read`, `search`, `create` …; several are allowed."""
    resource: Names = Field(default_factory=list)
    """FHIR resource types; several are allowed."""
    path: str | None = None
    """A path relative to the FHIR base; may hold `*`."""
    message: str | None = None
    """An HL7 message type and trigger such as `ADT^A01`; may hold `*`."""
    link: str | None = None
    """A feed or a listener for HL7, by name; may hold `*`."""
    endpoint: str | None = None
    """A receiver of events, by name; may hold `*`."""


class WhenConfig(Section):
    """When a rule fires among the exchanges that it is for; all conditions must hold, the default is always."""

    probability: Share = 1.0
    first: Count = 0
    """Only the first n."""
    every: Count = 0
    """Each n-th."""
    skip: Count = 0
    """Let n pass before counting starts."""
    at_most: Count = 0
    """Fire no more often than n times; 0 sets no bound."""
    window: Annotated[list[Duration], Field(min_length=2, max_length=2)] | None = None
    """From and to, counted from when the rule was armed: `[10s, 5m]`."""
    phase: str | None = None
    """Only in this phase of a scenario."""
    after: Duration | None = None
    """Only from then on, counted from when the rule was armed."""

    @model_validator(mode="after")
    def _window_opens_before_it_closes(self) -> Self:
        if self.window is not None and self.window[0] >= self.window[1]:
            raise ValueError("a window must open before it closes: write it as [from, to]")
        return self


class RuleConfig(Section):
    """A quirk, armed: which one, where, when, and with which settings."""

    use: Annotated[str, known_as("quirk")]
    name: str | None = None
    """What the journal calls it; the quirk's name unless told."""
    where: WhereConfig = Field(default_factory=WhereConfig)
    when: WhenConfig = Field(default_factory=WhenConfig)
    settings: dict[str, JsonValue] = Field(default_factory=dict, alias="with")
    """The quirk's own settings: see `mockehr quirk show NAME`."""

    @field_validator("settings")
    @classmethod
    def _quirk_has_them(cls, value: dict[str, JsonValue], info: ValidationInfo) -> dict[str, JsonValue]:
        quirks, use = known_names(info, "quirk"), info.data.get("use")
        if isinstance(quirks, Mapping) and use in quirks:
            refuse_settings(value, quirks[use], f"the quirk {use}")
        return value


class ClientConfig(Section):
    """One registered client of a site; without `jwks`, `jwks_uri` and `secret` it has the public test keys.

    With `redirect_uris` it is a SMART app that is launched by users.
    """

    client_id: str = Field(min_length=1)
    name: str = ""
    scopes: Words = Field(default_factory=list)
    """What it may be granted, as a list or separated by spaces."""
    secret: str = ""
    jwks: dict[str, JsonValue] | None = None
    """Its public keys, as a JWK Set."""
    jwks_uri: str = ""
    public: bool = False
    """It has nothing to prove itself by: an app in a browser or on a telephone."""
    redirect_uris: list[str] = Field(default_factory=list)
    """Where an app is called back, letter by letter."""
    grant_types: Names = Field(default_factory=list)
    """Unless told: authorization_code and refresh_token with redirect_uris, else client_credentials."""
    auth_methods: Names = Field(default_factory=list)
    active: bool = True
    """False while the vendor has not let it in yet."""
    active_after: Duration = 0.0
    """How long after the site's start it takes until it may be used."""


class UserConfig(Section):
    """Somebody who can sign in besides the site's own `clinician`, `nurse`, `pharmacist`, `patient` and `proxy`."""

    username: str = Field(min_length=1)
    reference: str = Field(pattern=r"^(Practitioner|PractitionerRole|Patient|RelatedPerson)/.+$")
    """Who that is, as the site shows it."""
    name: str = ""
    password: str = ""
    """Empty: nobody asks for one."""
    patients: list[str | int] = Field(default_factory=list)
    """Whose records a patient or a relative may open: ids, or numbers from 0 in the site's order."""
    email: str = ""


class ApprovalConfig(Section):
    """An answer that is given ahead to an app's standalone launches, so that no page is shown."""

    client_id: str = Field(min_length=1)
    user: str = "clinician"
    patient: str | int = ""
    """An id, or a number from 0 in the site's order."""
    encounter: str = ""
    withhold: Words = Field(default_factory=list)
    """Scopes that the user does not give."""
    deny: bool = False


class ClockConfig(Section):
    """A site's time; `clock: stepped` is short for `clock: {mode: stepped}`."""

    mode: Literal["real", "stepped"] = "real"
    """`real` follows the wall clock, `stepped` stands still until told to advance."""
    start: Moment | None = None
    """The site's time at creation; now, or a fixed Monday at noon when stepped, unless told."""
    scale: float = Field(default=1.0, gt=0)
    """How many times as fast as the wall clock."""

    @model_validator(mode="after")
    def _only_a_running_clock_has_a_pace(self) -> Self:
        if self.mode == "stepped" and self.scale != 1.0:
            raise ValueError("a stepped clock has no scale: leave one of the two out")
        return self


Deed = Literal["retry", "skip", "stop", "park"]


class TlsConfig(Section):
    """TLS of an HL7 connection: PEM files, relative to this one. `test` in its place makes certificates on demand."""

    certificate: str = ""
    key: str = ""
    ca: str = ""
    """Whom to trust; a listener with it wants its clients to have a certificate of it."""
    check_names: bool = True
    server_name: str = ""
    """The name that the peer's certificate must bear, if not the host."""

    @model_validator(mode="after")
    def _keys_come_with_certificates(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together")
        return self


class BatchConfig(Section):
    """Messages of a link that are sent together."""

    every: Duration = 0.0
    messages: Count = 0
    """When there are so many, without waiting for the time."""
    folder: str = ""
    """A batch file below `hl7.folders.out`, `.` for that itself; over the link, one after the other, unless told."""
    headers: bool = True
    """FHS, BHS, BTS and FTS around the messages of a file."""

    @model_validator(mode="after")
    def _it_ends_some_day(self) -> Self:
        if not self.every and not self.messages:
            raise ValueError("say when a batch closes: every, messages, or both")
        return self


class FailureConfig(Section):
    """What a link does when the peer does not take a message; unless told, as the dialect's habit has it."""

    AE: Deed | None = None
    AR: Deed | None = None
    CE: Deed | None = None
    CR: Deed | None = None
    timeout: Deed | None = None
    """No answer in time."""
    unmatched: Deed | None = None
    """An answer to something else, or one that cannot be read."""
    lost: Deed | None = None
    """No connection, or one that ended before the answer."""
    exhausted: Deed | None = None
    """After the last attempt."""


class LinkConfig(Section):
    """One HL7 v2 connection that a site opens."""

    name: str = Field(min_length=1, pattern=r"^[^/*\s]+$")
    host: str = "127.0.0.1"
    port: Port = 0
    role: Literal["dial", "wait"] = "dial"
    """`wait`: the peer dials this host and port (0: any free one), and gets the messages over that connection."""
    messages: Names = Field(default_factory=list)
    """Types and triggers to send, such as `ADT^A01`; may hold `*`; all unless told."""
    relay: bool = False
    """Tell on what came in over HL7, too."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Overrides of the site's HL7 dialect for this peer, by name; `dialect` names a preset."""
    release: Literal[1, 2] = 1
    """Of MLLP."""
    tls: TlsConfig | Literal["test"] | None = None
    timeout: Duration | None = None
    """For an acknowledgement, in wall seconds; as the dialect's habit has it unless told, like `keep_open`."""
    window: Annotated[int, Field(ge=1)] = 1
    """Messages that may be unacknowledged at a time."""
    keep_open: bool | None = None
    """False: a connection for each message."""
    keep_alive: Duration | None = None
    """Wall seconds of silence after which TCP asks whether the peer is there; never unless told."""
    await_application: bool | None = None
    """Whether CA is not yet the answer; as MSH-15 and MSH-16 say unless told."""
    ack_port: Port | None = None
    """Acknowledgements come over a second connection, to this port of ours."""
    on: FailureConfig = Field(default_factory=FailureConfig)
    retry_waits: list[Duration] | None = None
    """Before the second attempt, the third …; the last one goes on."""
    attempts: Count | None = None
    """How often a message is sent at most; 0 sets no bound."""
    queue: Annotated[int, Field(ge=1)] = 10_000
    full: Literal["drop-oldest", "refuse", "block"] = "drop-oldest"
    """What a full queue does: gives up its oldest, tells nothing new, or holds changes back until there is room."""
    sequence: bool = False
    """Count messages in MSH-13 (sequence number protocol)."""
    batch: BatchConfig | None = None


class ListenerConfig(Section):
    """One port on which a site takes HL7 messages, or one peer that it dials to take them."""

    name: str = Field(default="", pattern=r"^[^/*\s]*$")
    port: Port = 0
    """0 lets the system choose one."""
    dial: str = Field(default="", pattern=r"^$|^.+:\d+$")
    """`host:port` of a peer that is dialled and sends its messages down that connection (reverse MLLP)."""
    messages: Names = Field(default_factory=list)
    """Types and triggers that are taken, such as `ADT^A*`; all unless told."""
    versions: Names = Field(default_factory=list)
    """Values of MSH-12 that are taken; all unless told."""
    processing_ids: Names = Field(default_factory=list)
    """Values of MSH-11 that are taken; all unless told."""
    duplicates: Literal["apply", "repeat-ack", "refuse"] = "apply"
    """A message that was applied before (MSH-3, MSH-4, MSH-10): apply it again, only answer the same, or AE 205."""
    park: bool = False
    """Keep what cannot be applied in the error queue."""
    strict: bool = False
    """Refuse what is tolerated with a warning otherwise: odd codes and types, unknown patients in merges."""
    sequence: bool = False
    """MSH-13 must count on, sender by sender."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Overrides of the site's HL7 dialect for this peer, by name; `dialect` names a preset."""
    ack: dict[str, JsonValue] = Field(default_factory=dict)
    """Overrides of the dialect's way to acknowledge, by name."""
    release: Literal[1, 2] = 1
    """Of MLLP."""
    tls: TlsConfig | Literal["test"] | None = None
    max_connections: Annotated[int, Field(ge=1)] | None = None
    messages_per_connection: Annotated[int, Field(ge=1)] | None = None
    idle: Duration | None = None
    """Wall seconds of silence after which a connection is closed."""
    keep_alive: Duration | None = None
    """Wall seconds of silence after which TCP asks whether the peer is there; never unless told."""


class FoldersConfig(Section):
    """Folders for HL7 files, relative to this file."""

    into: str = Field(default="", alias="in")
    """Files laid here are taken, then moved to `done` or `failed` in it, with the answers beside them (`.ack`)."""
    out: str = ""
    """Where batches of links are laid."""
    answers: Literal["all", "errors", "none"] = "all"
    """What the file of answers holds."""


def _listed_ports(value: Any) -> Any:
    """`2575` as the one listener of the site."""
    return [{"port": value}] if isinstance(value, int) and not isinstance(value, bool) else value


_Listeners = Annotated[
    list[ListenerConfig],
    BeforeValidator(_listed_ports, json_schema_input_type=Port | list[ListenerConfig]),
]


class Hl7Config(Section):
    """A site's HL7 v2 side."""

    listen: _Listeners = Field(default_factory=list)
    """Port on which it takes messages, or several listeners; none unless told."""
    links: list[LinkConfig] = Field(default_factory=list)
    folders: FoldersConfig | None = None
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Overrides of the personality's HL7 dialect, by name."""

    @field_validator("listen")
    @classmethod
    def _listeners_have_names_of_their_own(cls, value: list[ListenerConfig]) -> list[ListenerConfig]:
        refuse_twice("listener", [one.name for one in value])
        return value


class WebhookConfig(Section):
    """One receiver of a site's events."""

    name: str = ""
    url: str = Field(pattern=r"^https?://")
    topics: Names = Field(default_factory=list)
    """Changes such as `patient.created`, or events such as `encounter-start`; all changes unless told."""
    secret: str = ""
    """Key of the signature; unsigned if empty."""
    payload: Literal["empty", "id-only", "full"] = "id-only"
    form: str = "mockehr"
    """How notifications are written."""
    signing: str = ""
    """How they are signed; as the form has it unless told."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Sent along with every notification."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Of deliveries, by name: ladder, timeout, order, accepts …; as the form has them unless told."""


class PathwaysConfig(Section):
    """The hospital runs: patients come, and go through pathways."""

    use: list[Annotated[str, known_as("pathway")]] | Annotated[str, known_as("pathway")] = Field(default_factory=list)
    """Names of shipped pathways that are drawn by their shares, or `all`: see `mockehr pathway list`."""
    files: list[str] = Field(default_factory=list)
    """Pathway files of one's own, relative to this file; they are drawn, too."""
    rate: str | float = 0.0
    """How many patients arrive: `200/h`, `5/min`, `1/d`; none unless told."""
    beds: Count | None = None
    """All beds of the hospital; 200 unless told."""
    wards: dict[str, Count] = Field(default_factory=dict)
    """Beds of single wards, such as `{ED: 40, ICU: 24}`; the rest of the beds is shared out among the others."""
    full: Literal["hallway", "wait"] = "hallway"
    """What becomes of patients for whom no bed is free."""


def _long_form(value: Any) -> Any:
    return {"mode": value} if isinstance(value, str) else value


_Clock = Annotated[
    ClockConfig, BeforeValidator(_long_form, json_schema_input_type=Literal["real", "stepped"] | ClockConfig)
]


class SiteConfig(Section):
    """One hospital's EHR."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=63)
    """Part of the site's address: small letters, digits, hyphens."""
    personality: Annotated[str, known_as("personality")] = "generic"
    """Whose product it resembles."""
    patients: Count = 100
    seed: int | str | None = None
    """Of all chance at this site; the server's seed and the site's name unless told."""
    clock: _Clock = Field(default_factory=ClockConfig)
    quirks: list[RuleConfig] = Field(default_factory=list)
    clients: list[ClientConfig] = Field(default_factory=list)
    users: list[UserConfig] = Field(default_factory=list)
    approvals: list[ApprovalConfig] = Field(default_factory=list)
    imports: list[str] = Field(default_factory=list, alias="import")
    """Charts to load: FHIR resources and Bundles (`.json`), NDJSON, or folders of them, relative to this file."""
    hl7: Hl7Config = Field(default_factory=Hl7Config)
    webhooks: list[WebhookConfig] = Field(default_factory=list)
    pathways: PathwaysConfig | None = None
    environment: Literal["", "sandbox", "production"] = ""
    """What the vendor's sandbox or production systems are like: data, limits, scopes."""
    variance: Literal["none", "realistic"] = "none"
    """`realistic`: a plausible hospital of that vendor, drawn from the seed."""
    dirt: Annotated[str, known_as("preset of dirt")] = ""
    """How dirty its records are: `sandbox`, `typical`, `decades` or `nightmare`; clean unless told."""
    upgrade: str | list[str] | dict[str, str | float | None] = ""
    """Upgrades of the personality that it takes: a name, several, or name → day or moment (null: from the start)."""
    fronts: Names = Field(default_factory=list)
    """The site behind this one, or several: for a platform that stands in front of others, such as redox or mirth."""
    open_access: bool = False
    """No bearer tokens wanted."""
    store: str = Field(default="memory", pattern=r"^(memory|sqlite:.*\S.*)$")
    """Where what is written lies: `memory`, or `sqlite:FOLDER` (relative to this file) for a file that lasts."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Overrides of the personality, by name."""

    @field_validator("quirks")
    @classmethod
    def _rules_have_names_of_their_own(cls, value: list[RuleConfig]) -> list[RuleConfig]:
        refuse_twice("rule", [rule.name for rule in value if rule.name])
        return value

    @field_validator("clients")
    @classmethod
    def _clients_have_ids_of_their_own(cls, value: list[ClientConfig]) -> list[ClientConfig]:
        refuse_twice("client", [client.client_id for client in value])
        return value


class ServerConfig(Section):
    """A server file: where it listens, and its sites."""

    version: Literal[1] = 1
    """Of this format."""
    host: str = "127.0.0.1"
    port: Port = 8642
    seed: int | str | None = None
    """From which sites without a seed of their own take theirs."""
    control_token: str = ""
    """Asked for by the control API; required unless `host` is a loopback address."""
    sites: list[SiteConfig] = Field(min_length=1)

    @field_validator("sites")
    @classmethod
    def _sites_have_names_of_their_own(cls, value: list[SiteConfig]) -> list[SiteConfig]:
        refuse_twice("site", [site.name for site in value])
        return value

    @model_validator(mode="after")
    def _open_doors_want_a_token(self) -> Self:
        loopback = self.host in ("localhost", "::1") or self.host.startswith("127.")
        if not loopback and not self.control_token:
            raise ValueError(f"host {self.host} can be reached from elsewhere: set control_token")
        return self


def refuse_twice(kind: str, names: list[str]) -> None:
    """For validators: refuse names that are there more than once."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"each {kind} needs a name of its own; taken twice: {', '.join(twice)}")
