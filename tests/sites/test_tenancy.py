"""One address for many: whose credential was not seen before gets a site of its own."""

from __future__ import annotations

from dataclasses import replace

from mockehr.auth.credential import Credential
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.tenancy import TENANTS_KEPT
from mockehr.sites.test_client import register_app

FORM = {"content-type": "application/x-www-form-urlencoded"}


def shared(**options: object) -> tuple[Directory, Site]:
    directory = Directory()
    lobby = directory.add(build_site(SiteOptions("ci", patients=5, **options)))  # type: ignore[arg-type]

    def make(name: str, credential: Credential) -> Site:
        return build_site(replace(lobby.options, name=name))

    directory.share(lobby, make)
    return directory, lobby


def asking(client: str) -> Exchange:
    return Exchange("token", "POST", "/token", headers=dict(FORM), body=f"client_id={client}".encode())


def bearing(token: str) -> Exchange:
    return Exchange("fhir", path="/metadata", headers={"authorization": f"Bearer {token}"} if token else {})


def test_every_client_id_has_a_site_of_its_own_and_keeps_it() -> None:
    directory, lobby = shared()
    first, second = directory.tenant(lobby, asking("job-1")), directory.tenant(lobby, asking("job-2"))
    assert len({lobby, first, second}) == 3
    assert directory.tenant(lobby, asking("job-1")) is first
    assert first.name.startswith("ci-job-1-")
    assert directory.get(first.name) is first
    assert first.charts is not None
    assert lobby.charts is not None
    assert first.charts.patient_id(3) == lobby.charts.patient_id(3)


def test_whoever_has_no_credential_or_an_unknown_token_meets_the_lobby() -> None:
    directory, lobby = shared()
    assert directory.tenant(lobby, bearing("")) is lobby
    assert directory.tenant(lobby, bearing("made-up")) is lobby
    assert len(directory) == 1


def test_where_no_token_is_wanted_every_token_has_a_site_whose_name_does_not_tell_it() -> None:
    directory, lobby = shared(open_access=True)
    mine = directory.tenant(lobby, bearing("s3cret"))
    assert mine is not lobby
    assert directory.tenant(lobby, bearing("s3cret")) is mine
    assert "s3cret" not in mine.name


def test_a_site_that_is_not_shared_answers_everybody_itself() -> None:
    directory = Directory()
    site = directory.add(build_site(SiteOptions("plain", patients=2)))
    assert directory.tenant(site, asking("job-1")) is site


def test_a_tenant_that_was_removed_is_made_afresh() -> None:
    directory, lobby = shared()
    first = directory.tenant(lobby, asking("job-1"))
    directory.remove(first.name)
    assert directory.tenant(lobby, asking("job-1")) is not first


def test_there_is_an_end_to_making_sites() -> None:
    directory = Directory()
    lobby = directory.add(build_site(SiteOptions("ci")))
    made = build_site(SiteOptions("one"))
    tenancy = directory.share(lobby, lambda name, credential: made)
    tenancy._make = lambda name, credential: made
    found = [tenancy.site_for(asking(f"job-{number}")) for number in range(TENANTS_KEPT + 1)]
    assert found[-2:] == [made, lobby]


def test_a_browser_meets_the_site_of_its_app_and_stays_there() -> None:
    directory, lobby = shared()
    query = "client_id=job-1&redirect_uri=http%3A%2F%2Fa.example.org%2F&response_type=code&scope=openid"
    mine = directory.tenant(lobby, asking("job-1"))
    other = directory.tenant(lobby, asking("job-2"))
    for site, name in ((mine, "job-1"), (other, "job-2")):
        register_app(site, name, ["http://a.example.org/"], "openid")
        site.auth.settings = site.auth.door.settings = replace(site.auth.settings, pkce="optional")
    asked = Exchange("authorize", path="/oauth2/authorize", query=query, base_url=f"http://h/ci{lobby.fhir_path}")
    asked.query += f"&aud={asked.base_url}"
    assert directory.tenant(lobby, asked) is mine
    page = mine.handle(asked).result
    form = Exchange("authorize", "POST", "/oauth2/authorize/sign-in", body=f"pending={page.pending}".encode())
    assert directory.tenant(lobby, form) is mine
    stranger = Exchange("authorize", "POST", "/oauth2/authorize/sign-in", body=b"pending=made-up")
    assert directory.tenant(lobby, stranger) is lobby
