"""The pytest plugin. It is loaded in every run of every project in its environment, so it imports nothing but pytest;
all else is imported by the fixtures that need it. Every name that pytest sees begins with `mockehr`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockehr.testing.listeners import Listeners
    from mockehr.testing.receiver import Receiver
    from mockehr.testing.world import TestSite, World, WorldServer

SEED = 7
DOCUMENTED = 'README.md of mockehr, "In pytest"'
MARKER = (
    "mockehr(vendor=..., patients=..., seed=..., stepped=..., quirks=[...], scenario=..., parameters={...}, "
    "lenient=..., strict=...): how the sites of this test are made; any field of SiteOptions may stand here. "
    "parameters are the scenario's own; lenient=True lets armed quirks stay unused; strict=True wants those of a "
    "scenario to have fired, too"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options, all with our prefix."""
    group = parser.getgroup("mockehr", "mockehr: a mock EHR that misbehaves on purpose")
    group.addoption("--mockehr-seed", default=None, help="seed of every site (default: ini mockehr_seed, or 7)")
    group.addoption("--mockehr-vendor", default=None, help="personality of sites that name none (default: generic)")
    group.addoption(
        "--mockehr-scenario",
        default=None,
        metavar="NAME_OR_PATH",
        help="scenario whose sites every test finds in its world, by the name of a shipped one or a file",
    )
    parser.addini("mockehr_seed", "seed of every site that the tests make", default=str(SEED))
    parser.addini("mockehr_vendor", "personality of sites that name none", default="generic")
    parser.addini("mockehr_scenario", "scenario whose sites every test finds in its world", default="")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, leave our own modules as they are, know our profiles before Hypothesis looks for them.

    pytest rewrites the assertions of all that a plugin's distribution has. There are hundreds of modules here, whose
    assertions tell nobody anything, and a fresh environment would spend many seconds on them.
    """
    config.addinivalue_line("markers", MARKER)
    marked = getattr(config.pluginmanager.rewrite_hook, "_must_rewrite", None)
    if isinstance(marked, set):
        marked.discard("mockehr")
    if str(config.getoption("--hypothesis-profile", default=None) or "").startswith("mockehr-"):
        from mockehr.testing.hypothesis_profiles import register_profiles

        register_profiles()


@pytest.fixture(scope="session")
def mockehr_server() -> Iterator[WorldServer]:
    """One server per session (and per xdist worker), with an event loop of its own."""
    from mockehr.testing.server import WorldServer

    server = WorldServer.started()
    yield server
    server.stop()


@pytest.fixture
def mockehr(request: pytest.FixtureRequest, mockehr_server: WorldServer) -> Iterator[World]:
    """A world of fresh sites for this test; strict: a quirk that was armed and never fired fails the test.

    If the marker, the option or the ini file names a scenario, its sites are there already.
    """
    world = _made(request.node, mockehr_server)
    request.node.stash[_WORLD] = world
    yield world
    unused = world.close()
    if unused and not request.node.stash.get(_FAILED, False):
        pytest.fail(
            f"armed but never fired: {', '.join(unused)}\n"
            "  remedy: make the rule fit what the client does, or mark the test @pytest.mark.mockehr(lenient=True)\n"
            f"{_again(request.node)}",
            pytrace=False,
        )


@pytest.fixture
def mockehr_site(mockehr: World) -> TestSite:
    """One fresh site, made as the marker and the options say; a scenario's own sites are beside it."""
    return mockehr.site()


@pytest.fixture
def mockehr_webhooks(mockehr_server: WorldServer) -> Iterator[Receiver]:
    """A receiver of webhooks on a free port of loopback; it remembers what arrived and answers as told."""
    from mockehr.testing.receiver import Receiver

    receiver = Receiver(mockehr_server).start()
    yield receiver
    receiver.stop()


@pytest.fixture
def mockehr_mllp(mockehr: World) -> Listeners:
    """`mockehr_mllp(site)` opens an MLLP listener for a site of this test and gives (host, port)."""
    return mockehr.listeners


_WORLD: pytest.StashKey[World] = pytest.StashKey()
_FAILED: pytest.StashKey[bool] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failing test's report carries the journal, the decisions, the seed and how to run that test again."""
    report = yield
    world = item.stash.get(_WORLD, None)
    if report.when == "call" and not report.passed:
        item.stash[_FAILED] = True  # skipped ones too: they did not come to what was armed
        if world is not None and report.failed:
            report.sections.append(("mockehr", f"{world.story()}\n{_again(item)}"))
    return report


def _made(item: pytest.Item, server: WorldServer) -> World:
    """The world of one test by its markers (the nearest wins, key by key), the options and the ini file."""
    from mockehr.core.errors import MockehrError, UsageError
    from mockehr.testing.world import World

    config = item.config
    markers = list(item.iter_markers("mockehr"))
    settings = {key: value for marker in reversed(markers) for key, value in marker.kwargs.items()}
    asked_seed = settings.get("seed", config.getoption("--mockehr-seed"))
    defaults = {name: _asked(config, name) for name in ("seed", "vendor", "scenario")}
    world = None
    try:
        if any(marker.args for marker in markers):
            raise UsageError("The marker mockehr takes settings by name.", remedy='Write vendor="epic", for example.')
        world = World(server, defaults | settings)
        scenario = (defaults | settings)["scenario"]
        if scenario:
            world.stage(scenario, seed=asked_seed, folders=(config.rootpath, item.path.parent))
    except MockehrError as error:
        if world is not None:
            world.close()
        pytest.fail(f"{error}\n  documented: {DOCUMENTED}", pytrace=False)
    return world


def _asked(config: pytest.Config, name: str) -> str:
    """An option, or what the ini file says."""
    return str(config.getoption(f"--mockehr-{name}") or config.getini(f"mockehr_{name}"))


def _again(item: pytest.Item) -> str:
    """The command line that runs this test alone with the same seed, from where pytest was started."""
    import os
    import shlex

    here = os.path.relpath(item.path, item.config.invocation_params.dir)
    words = ["pytest", here + item.nodeid.removeprefix(item.nodeid.partition("::")[0])]
    for name in ("seed", "vendor", "scenario"):
        # A scenario has a seed of its own: naming one that nobody asked for would make it another run.
        if item.config.getoption(f"--mockehr-{name}") or (name == "seed" and not item.stash[_WORLD].plays):
            words.append(f"--mockehr-{name}={_asked(item.config, name)}")
    return f"the same again: {shlex.join(words)}\ndocumented: {DOCUMENTED}"
