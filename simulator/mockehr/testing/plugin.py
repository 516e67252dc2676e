"""The pytest plugin. It is loaded in every run of every project in its environment, so it imports nothing but pytest;
all else is imported by the fixtures that need it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockehr.testing.world import World, WorldServer

SEED = 7


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options, all with our prefix."""
    group = parser.getgroup("mockehr", "mockehr: a mock EHR that misbehaves on purpose")
    group.addoption("--mockehr-seed", default=None, help="seed of every site (default: ini mockehr_seed, or 7)")
    group.addoption("--mockehr-vendor", default=None, help="personality of sites that name none (default: generic)")
    parser.addini("mockehr_seed", "seed of every site", default=str(SEED))
    parser.addini("mockehr_vendor", "personality of sites that name none", default="generic")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "mockehr(vendor=..., patients=..., seed=..., stepped=..., quirks=[...], lenient=False): "
        "how the sites of this test are made; lenient=True lets armed quirks stay unused",
    )


@pytest.fixture(scope="session")
def mockehr_server() -> Iterator[WorldServer]:
    """One server per session (and per xdist worker), with an event loop of its own."""
    from mockehr.testing.world import WorldServer

    server = WorldServer.started()
    yield server
    server.stop()


@pytest.fixture
def mockehr(request: pytest.FixtureRequest, mockehr_server: WorldServer) -> Iterator[World]:
    """A world of fresh sites for this test; strict: a quirk that was armed and never fired fails the test."""
    from mockehr.testing.world import World

    marker = request.node.get_closest_marker("mockehr")
    settings: dict[str, Any] = dict(marker.kwargs) if marker else {}
    config = request.config
    seed = config.getoption("--mockehr-seed") or config.getini("mockehr_seed")
    vendor = config.getoption("--mockehr-vendor") or config.getini("mockehr_vendor")
    world = World(mockehr_server, {"seed": seed, "vendor": vendor} | settings)
    request.node.stash[_WORLD] = world
    yield world
    unused = world.close()
    failed = request.node.stash.get(_FAILED, False)
    if unused and not failed and not settings.get("lenient", False):
        pytest.fail(
            f"armed but never fired: {', '.join(unused)}\n"
            "  remedy: make the rule fit what the client does, or mark the test @pytest.mark.mockehr(lenient=True)",
            pytrace=False,
        )


_WORLD: pytest.StashKey[World] = pytest.StashKey()
_FAILED: pytest.StashKey[bool] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failing test's report carries the journal, the decisions and the seed."""
    report = yield
    world = item.stash.get(_WORLD, None)
    if report.when == "call" and not report.passed:
        item.stash[_FAILED] = True  # skipped ones too: they did not come to what was armed
        if world is not None and report.failed:
            report.sections.append(("mockehr", world.story()))
    return report
