"""`mockehr routes` prints what the site really answers."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from mockehr.cli.main import cli
from mockehr.cli.routes import routes_of
from mockehr.core.exchange import Exchange
from mockehr.fhir.routes import ROUTES
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory, channel_of
from mockehr.sites.files_stages import name_file
from mockehr.sites.options import SiteOptions

OPERATIONS = {
    "epic": {"$export"},
    "oracle": {"$export", "$docref", "$autogen-ccd-if", "$create", "$credit", "$modify"},
}


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_every_route_is_admitted_to_its_channel_and_named_as_printed(vendor: str) -> None:
    directory = Directory()
    site = directory.add(build_site(SiteOptions("n", personality=vendor)))
    routes = list(routes_of(site))
    told = {route.interaction for route in routes if route.channel == "fhir"}
    plain = {name for name in told if not name.startswith("$")}
    if vendor == "generic":
        assert plain == {name for _, _, name in ROUTES} - {"operation"}
        assert told - plain >= {"$meta", "$meta-add", "$everything", "$validate-code"}
    else:
        assert {"capabilities", "read", "search", "create", "update"} <= plain
        assert not plain & {"vread", "history-instance", "history-type", "history-system", "transaction"}
        assert told - plain == OPERATIONS[vendor]
    assert {route.channel for route in routes} == {"fhir", "files", "token", "discovery", "authorize", "oauth"}
    assert len({(route.method, route.path, route.interaction) for route in routes}) == len(routes)
    for route in routes:
        path = route.path.replace("[id]", "1").replace("[vid]", "1").replace("[type]", "Observation")
        admitted = directory.admit(path)
        assert admitted is not None
        found = channel_of(site, admitted[2])
        assert found is not None
        assert found[0] == route.channel
        if route.channel == "files":
            exchange = Exchange("files", route.method, found[1].partition("?")[0], found[1].partition("?")[2])
            name_file(site)(exchange)
            assert exchange.interaction is not None
            assert exchange.interaction.name in (route.interaction, route.interaction.replace("import", "bulk"))
        if route.channel == "fhir":
            exchange = Exchange("fhir", route.method, found[1])
            site.fhir.name(exchange)
            assert exchange.result is None
            assert exchange.interaction is not None
            asked = exchange.interaction
            kind = asked.version if route.interaction == "search-compartment" else asked.resource_type
            assert (asked.name, kind) == (route.interaction, route.resource_type)


def test_routes_are_printed_for_people_and_for_machines() -> None:
    text = CliRunner().invoke(cli, ["routes", "--site", "n=epic"]).output
    assert "POST   /n/" in text
    assert "/oauth2/token" in text
    told = json.loads(CliRunner().invoke(cli, ["routes", "--json"]).output)["routes"]
    assert {row["site"] for row in told} == {"main"}
    assert {"GET /main/fhir/R4/Patient/[id] read Patient"} <= {
        f"{row['method']} {row['path']} {row['interaction']} {row['resource_type']}" for row in told
    }


def test_only_types_that_have_compartments_are_printed_with_searches_in_them() -> None:
    routes = routes_of(build_site(SiteOptions("n", personality="generic")))
    owners = {route.resource_type for route in routes if route.interaction == "search-compartment"}
    assert owners == {"Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"}


def test_methods_of_any_length_leave_the_paths_in_one_column() -> None:
    lines = CliRunner().invoke(cli, ["routes"]).output.splitlines()
    assert {line.index("/main") for line in lines} == {7}


@pytest.mark.parametrize("vendor", ["advancedmd", "nextgen", "veradigm", "redox"])
def test_an_api_with_several_paths_is_listed_once(vendor: str) -> None:
    site = build_site(SiteOptions("n", personality=vendor))
    routes = [route for route in routes_of(site) if route.channel == "proprietary"]
    assert routes
    assert len(set(routes)) == len(routes)
