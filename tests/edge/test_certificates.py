"""Certificates on demand: good ones carry HL7 over TLS, the others are refused for the reason that they name."""

import asyncio
import ssl
import stat
from pathlib import Path

import pytest

from mockehr.edge.certificates import Authority, Identity, Kind, client_context, server_context
from mockehr.edge.mllp import MllpSender, MllpServer, Outcome, Peer, Reaction
from mockehr.hl7.ack import acknowledge

MESSAGE = b"MSH|^~\\&|LAB|H1|EHR|H2|20260105115959||ADT^A01^ADT_A01|M1|P|2.5.1\rEVN|A01\r"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tls")


def converse(server_side: ssl.SSLContext, client_side: ssl.SSLContext | None, host: str = "localhost") -> Outcome:
    """One message to a server with that context."""

    async def whole() -> Outcome:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # a refused handshake is reported there

        def answer(payload: bytes, peer: Peer) -> Reaction:
            return Reaction(acknowledge(payload, "AA", at=0, control_id="1"))

        server = MllpServer("127.0.0.1", 0, answer, ssl=server_side)
        await server.start()
        sender = MllpSender("127.0.0.1", server.port, ssl=client_side, server_name=host)
        outcome = await sender.send(MESSAGE, within=5)
        await sender.close()
        await server.stop()
        return outcome

    return asyncio.run(whole())


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_good_certificate_carries_a_message_under_each_of_its_names(authority: Authority, name: str) -> None:
    outcome = converse(server_context(authority.server()), client_context(authority.ca_file), name)
    assert outcome.code == "AA", outcome.error


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("expired", "certificate has expired"),
        ("early", "certificate is not yet valid"),
        ("wrong-name", "Hostname mismatch"),
        ("self-signed", "self-signed certificate"),
    ],
)
def test_a_bad_certificate_of_a_server_is_refused_for_its_reason(
    authority: Authority, kind: Kind, reason: str
) -> None:
    outcome = converse(server_context(authority.server(kind)), client_context(authority.ca_file))
    assert outcome.code == ""
    assert reason in outcome.error


def test_a_wrong_name_passes_where_names_are_not_checked(authority: Authority) -> None:
    lenient = client_context(authority.ca_file, check_names=False)
    assert converse(server_context(authority.server("wrong-name")), lenient).code == "AA"


def test_a_certificate_of_another_authority_is_refused(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", seed="other")
    outcome = converse(server_context(other.server()), client_context(authority.ca_file))
    assert "certificate verify failed" in outcome.error


@pytest.mark.parametrize("shown", ["good", "expired", "self-signed", None])
def test_mutual_tls_takes_only_clients_with_a_good_certificate(authority: Authority, shown: Kind | None) -> None:
    server_side = server_context(authority.server(), clients=authority.ca_file)
    identity = authority.client(shown) if shown else None
    outcome = converse(server_side, client_context(authority.ca_file, identity))
    assert (outcome.code == "AA") == (shown == "good")
    assert bool(outcome.error) == (shown != "good")


def test_a_plain_client_gets_nothing_from_a_server_that_wants_tls(authority: Authority) -> None:
    assert converse(server_context(authority.server()), None).error


def test_the_same_seed_makes_the_same_octets_and_another_seed_others(tmp_path: Path) -> None:
    def made(folder: str, seed: str) -> list[bytes]:
        authority = Authority(tmp_path / folder, seed=seed)
        server: Identity = authority.server()
        return [path.read_bytes() for path in (authority.ca_file, server.certificate, server.key)]

    assert made("a", "1") == made("b", "1")
    assert all(one != other for one, other in zip(made("a", "1"), made("c", "2"), strict=True))


def test_keys_are_readable_by_their_owner_only_and_a_temporary_folder_goes(tmp_path: Path) -> None:
    with Authority() as authority:
        key = authority.client(name="lab").key
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert key.is_relative_to(authority.folder)
    assert not key.exists()
    kept = Authority(tmp_path / "kept")
    kept.close()
    assert kept.ca_file.exists()
