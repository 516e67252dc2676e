"""Sites built from files: everything that a file says is there, and what a site cannot do is refused."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from mockehr.config.explain import validate
from mockehr.config.load import load_text
from mockehr.config.settings import SiteConfig
from mockehr.core.errors import ConfigError, EnvironmentProblem
from mockehr.core.exchange import Exchange
from mockehr.sites.configured import build_configured, known_names, load_server
from mockehr.sites.site import Site

PATIENT = {"resourceType": "Patient", "id": "p1", "active": True}
FULL = """
name: north
personality: epic
patients: 3
clock: {mode: stepped, start: "2026-03-01T00:00:00Z"}
import: [charts]
clients:
  - {client_id: keyed, scopes: "system/*.rs", jwks: {keys: []}, active: false, name: Keyed}
  - {client_id: shared, scopes: [system/Patient.r, openid], secret: s, auth_methods: client_secret_post}
  - {client_id: tester, scopes: system/*.rs}
hl7:
  listen: 0
  links: [{name: engine, host: 127.0.0.2, port: 2575, messages: "ADT^A*, ORU^R01"}, {name: lab, port: 2576}]
  settings: {sending_facility: NORTH, version: "2.5.1", offset: "-0500"}
webhooks:
  - {name: crm, url: "http://h.example.org/in", topics: "patient.created, patient.updated", secret: s, payload: full,
     settings: {ladder: [1s, 2m], timeout: 3s}}
  - {url: "http://h.example.org/all"}
quirks:
  - {use: latency, name: slow, when: {every: 2}, with: {delay: 250ms}}
  - {use: windows-1252-names, with: {rate: 1}}
settings: {token: {expires_in: 99}}
"""


def built(text: str, seed: int | str = 7, base: Path | None = None) -> Site:
    config = validate(SiteConfig, load_text(text, source="s.yaml"), known=known_names())
    return build_configured(config, seed=seed, base=base)


def charts(folder: Path) -> Path:
    (folder / "charts").mkdir()
    (folder / "charts" / "one.json").write_bytes(orjson.dumps(PATIENT))
    return folder


def refused(text: str, base: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        built(f"name: north\npatients: 0\n{text}", base=base)
    return caught.value.problems


def test_everything_a_file_says_is_there(tmp_path: Path) -> None:
    site = built(FULL, base=charts(tmp_path))
    assert (site.name, site.personality.name, site.charts and site.charts.size) == ("north", "epic", 3)
    assert (site.clock.frozen, site.clock.now()) == (True, 1_772_323_200.0)
    assert site.options.seed == "7/north"
    assert site.auth.settings.token_lifetime == 99
    imported = site.store.read("Patient", "p1")
    assert imported is not None
    assert imported.document["active"] is True
    assert site.options.hl7_listen == 0
    assert (site.dialect.name, site.dialect.sending_facility, site.dialect.offset) == ("epic", "NORTH", "-0500")
    assert [rule.name for rule in site.rules] == ["slow"]
    assert (site.rules[0].when.every, site.rules[0].quirk.delay) == (2, 0.25)
    assert site.charts is not None
    assert list(site.charts.infections) == ["windows-1252-names"]


def test_clients_are_registered_as_the_file_says(tmp_path: Path) -> None:
    clients = built(FULL, base=charts(tmp_path)).auth.clients
    keyed, shared, tester = clients.get("keyed"), clients.get("shared"), clients.get("tester")
    assert (keyed.active, keyed.name, keyed.methods()) == (False, "Keyed", ("private_key_jwt",))
    assert (shared.scopes.text, shared.methods()) == ("system/Patient.r openid", ("client_secret_post",))
    assert shared.grant_types == ("client_credentials",)
    assert tester.jwks is not None
    assert len(tester.jwks["keys"]) == 2


def test_links_and_webhooks_hear_of_what_they_ask_for_and_of_no_import(tmp_path: Path) -> None:
    site = built(FULL, base=charts(tmp_path))
    assert [(link.host, link.port, link.messages) for link in site.links.links.values()] == [
        ("127.0.0.2", 2575, ("ADT^A*", "ORU^R01")),
        ("127.0.0.1", 2576, ("*",)),
    ]
    assert not site.outbox.ready
    crm, every = site.outbox.hooks["crm"], site.outbox.hooks["webhook-2"]
    assert (crm.resources, crm.kinds, crm.payload) == (("Patient",), ("create", "update"), "full")
    assert (crm.policy.ladder, crm.policy.timeout, crm.secret) == ((1.0, 120.0), 3.0, "s")
    assert (every.resources, every.kinds) == ((), ())
    site.store.commit({"resourceType": "Patient", "id": "p2"}, kind="create", source="control")
    assert [delivery.hook.name for delivery in site.outbox.ready] == ["crm", "webhook-2"]
    assert [len(link.ready) for link in site.links.links.values()] == [1, 1]
    assert b"|NORTH|" in site.links.links["lab"].ready[0].body


APPS = """
name: a
patients: 3
clients:
  - {client_id: viewer, public: true, redirect_uris: ["http://127.0.0.1:9000/cb"], scopes: patient/*.rs}
  - {client_id: portal, redirect_uris: ["http://127.0.0.1:9000/cb"], active_after: 12h}
users:
  - {username: mother, reference: RelatedPerson/1, name: A mother, password: s3cret, patients: [0, 2]}
approvals:
  - {client_id: viewer, user: mother, patient: 2, withhold: patient/Condition.rs}
"""


def test_apps_users_and_approvals_are_there() -> None:
    site = built(APPS)
    viewer, portal = site.auth.clients.get("viewer"), site.auth.clients.get("portal")
    assert (viewer.methods(), portal.methods()) == (("none",), ("private_key_jwt",))
    assert viewer.grant_types == ("authorization_code", "refresh_token")
    now = site.clock.now()
    assert not portal.is_active(now + 11 * 3600)
    assert portal.is_active(now + 13 * 3600)
    assert site.charts is not None
    mother = site.auth.users.get("mother")
    assert mother.patients == (site.charts.patient_id(0), site.charts.patient_id(2))
    for _ in range(2):
        approved = site.auth.launches.approved("viewer")
        assert approved is not None
        assert (approved.user, approved.patient) == ("mother", site.charts.patient_id(2))
        assert approved.withheld == ("patient/Condition.rs",)
        site.reset()  # traffic is gone, settings are not


def test_a_seed_of_its_own_beats_that_of_the_server_and_a_clock_may_run_faster() -> None:
    assert built("name: a\npatients: 0\nseed: 12\n", seed="x").options.seed == 12
    assert built("name: a\npatients: 0\n", seed="x").options.seed == "x/a"
    clock = built("name: a\npatients: 0\nclock: {scale: 1000, start: 1000}\n").clock
    wait = clock.wait_for(clock.now() + 1000)
    assert wait is not None
    assert 0.5 < wait <= 1.0


def test_two_builds_of_one_file_answer_the_same(tmp_path: Path) -> None:
    base = charts(tmp_path)
    bodies = []
    for _ in range(2):
        site = built(FULL, base=base)
        site.open_access = True
        found = site.handle(Exchange("fhir", path=f"/Patient/{site.charts.patient_id(1) if site.charts else ''}"))
        assert found.reply is not None
        bodies.append(found.reply.body)
    assert bodies[0] == bodies[1] != b""


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("clients: [{client_id: a, redirect_uris: [callback]}]", "clients[0]", "no address to come back to"),
        ("clients: [{client_id: a, grant_types: authorization_code}]", "clients[0]", "redirect_uris"),
        ("clients: [{client_id: a, public: true, secret: s}]", "clients[0]", "no secret"),
        ("users: [{username: x, reference: Patient/1, patients: [4]}]", "users[0]", "no patient number 4"),
        ("approvals: [{client_id: nobody}]", "approvals[0]", "nobody"),
        ("approvals: [{client_id: nobody, user: clinican}]", "approvals[0]", "nearest: clinician"),
        ("clients: [{client_id: a, jwks_uri: ftp}]", "clients[0]", "no address"),
        ("clients: [{client_id: a, jwks: {kys: []}}]", "clients[0]", "no JWK Set"),
        ("clients: [{client_id: a, grant_types: client_credential}]", "clients[0]", "nearest: client_credentials"),
        ("clients: [{client_id: a, secret: s, auth_methods: private_key_jwt}]", "clients[0]", "wants jwks"),
        ("clients: [{client_id: a, secret: s, auth_methods: client_secret}]", "clients[0]", "client_secret_"),
        ("webhooks: [{url: 'http://h.example.org', form: mokehr}]", "webhooks[0]", "nearest: mockehr"),
        ("webhooks: [{url: 'http://h.example.org', signing: hubb}]", "webhooks[0]", "nearest: hub"),
        ("webhooks: [{url: 'http://h.example.org', topics: encounter-strat}]", "webhooks[0]", "encounter-start"),
        ("webhooks: [{url: 'http://h.example.org', topics: patent.created}]", "webhooks[0]", "patient.created"),
        ("webhooks: [{url: 'http://h.example.org', topics: patient.creatd}]", "webhooks[0]", "nearest: created"),
        ("webhooks: [{url: 'http://h.example.org', settings: {lader: 1}}]", "webhooks[0]", "nearest: ladder"),
        ("webhooks: [{url: 'http://h.example.org', settings: {ladder: 3}}]", "webhooks[0]", "no list of waits"),
        ("webhooks: [{url: 'http://h.example.org', settings: {timeout: -1}}]", "webhooks[0]", "no span of time"),
        (
            "webhooks: [{url: 'http://h.example.org', topics: 'patient.created, encounter.updated'}]",
            "webhooks[0]",
            "write two webhooks",
        ),
        (
            "webhooks: [{name: a, url: 'http://h.example.org'}, {name: a, url: 'http://h.example.org'}]",
            "webhooks[1]",
            "second webhook",
        ),
        ("hl7: {links: [{name: a, port: 0}]}", "hl7.links[0]", "port"),
        ("hl7: {links: [{name: a, port: 1, messages: ADT^A99}]}", "hl7.links[0]", "ADT^A"),
        ("hl7: {links: [{name: a, port: 1}, {name: a, port: 2}]}", "hl7.links[1]", "second link"),
        ("hl7: {settings: {verson: '2.4'}}", "hl7", "nearest: version"),
        ("hl7: {settings: {version: 2.4}}", "hl7", "version: "),
        ("hl7: {settings: {charset: EBCDIC}}", "hl7", "table 0211"),
        ("hl7: {settings: {offset: CET}}", "hl7", "-0500"),
        ("hl7: {settings: {dialect: epci}}", "hl7", "nearest: epic"),
        ("hl7: {settings: {identifiers: [{system: a, athority: b, type: MR}]}}", "hl7", "nearest: authority"),
        ("quirks: [{use: latency, when: {phase: noon}}]", "quirks[0]", "noon"),
        ("quirks: [{use: windows-1252-names}]", "quirks[0]", "has none"),
        ("quirks: [{use: latency}, {use: latency}]", "quirks[1]", "latency"),
    ],
)
def test_what_a_site_cannot_do_is_refused_at_its_place(text: str, place: str, reason: str) -> None:
    problems = refused(text)
    assert any(problem.startswith(f"{place}: ") and reason in problem for problem in problems), problems


def test_a_rule_may_be_for_a_phase_that_somebody_plays() -> None:
    text = "name: a\npatients: 0\nquirks: [{use: latency, when: {phase: noon}}]"
    config = validate(SiteConfig, load_text(text), known=known_names())
    site = build_configured(config, seed=1, phases=["noon"])
    assert site.rules[0].when.phase == "noon"


def test_all_refusals_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "one.hl7").write_text("MSH|")
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "empty").mkdir()
    text = "import: [one.hl7, bad.json, empty]\nhl7: {links: [{name: a, port: 0}]}\n"
    text += "quirks: [{use: latency, when: {phase: x}}]"
    found = refused(text, base=tmp_path)
    starts = ["import[0]: one.hl7: only", "import[1]: bad.json: bad.json:1: no JSON", "import[2]: empty: holds no"]
    assert [problem for problem, start in zip(found, starts, strict=False) if not problem.startswith(start)] == []
    assert len(found) == 5
    with pytest.raises(EnvironmentProblem, match=r"nowhere\.json"):
        built("name: a\nimport: [nowhere.json]", base=tmp_path)


@pytest.mark.parametrize(
    ("topics", "resources", "kinds"),
    [
        ("'*'", (), ()),
        ("'*.deleted'", (), ("delete",)),
        ("Encounter, Patient", ("Encounter", "Patient"), ()),
        ("patient.create, encounter.created", ("Patient", "Encounter"), ("create",)),
        ("'*.created, patient.created'", (), ("create",)),
        ("patient.*", ("Patient",), ()),
    ],
)
def test_topics_become_resources_and_kinds(topics: str, resources: tuple[str, ...], kinds: tuple[str, ...]) -> None:
    text = f"name: a\npatients: 0\nwebhooks: [{{url: 'http://h.example.org/', topics: {topics}}}]"
    if "," in topics and "'" not in topics:
        text = text.replace(topics, f"'{topics}'")
    (hook,) = built(text).outbox.hooks.values()
    assert (hook.resources, hook.kinds) == (resources, kinds)


def test_a_preset_dialect_can_be_chosen_and_changed() -> None:
    settings = "{dialect: oracle, identifiers: [{system: s, authority: A, type: MR}], delimiters: {field: '#'}}"
    dialect = built(f"name: a\npatients: 0\nhl7: {{settings: {settings}}}").dialect
    assert (dialect.name, dialect.renamed, dialect.delimiters.field) == ("oracle", {"ADT^A40": "ADT^A34"}, b"#")
    assert [rule.authority for rule in dialect.identifiers] == ["A"]


def test_a_server_file_is_read_with_lines_and_nearest_names(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("port: 0\nsites:\n  - name: a\n    personality: epic\n    quirks: [{use: latency}]\n")
    server = load_server(file)
    assert build_configured(server.sites[0], seed=1, base=tmp_path).personality.name == "epic"
    file.write_text("sites:\n  - name: a\n    personality: epci\n    quirks: [{use: latency, with: {dely: 1}}]\n")
    with pytest.raises(ConfigError) as caught:
        load_server(file)
    assert [problem.partition("server.yaml:")[2][:2] for problem in caught.value.problems] == ["3:", "4:"]
    assert "nearest: epic" in caught.value.problems[0]
    assert "nearest: delay" in caught.value.problems[1]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ("{search: {defalt_size: 5}}", "'search.defalt_size'.\n  nearest: default_size"),
        ("{search: 5}", "which is no mapping.\n  remedy: There one may set: page_parameter"),
    ],
)
def test_a_wrong_setting_of_a_personality_is_told_with_its_line(tmp_path: Path, settings: str, what: str) -> None:
    file = tmp_path / "own.yaml"
    start = "version: 1\nsites:\n  - name: x\n    personality: epic\n    settings:\n"
    file.write_text(f"{start}      {settings[1:-1]}\n")
    with pytest.raises(ConfigError) as caught:
        load_server(file)
    assert f"{file}:6: sites[0].settings.search" in str(caught.value)
    assert what in str(caught.value)
