"""Over TLS the session talks to nobody who does not prove to be the host that it was given."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from broker.alpaca import connection
from broker.alpaca.session import GuardedSession

TIMEOUT = (1.0, 1.0)
_PATIENCE_SECONDS = 2
_DAY = timedelta(days=1)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def certificate_for(host: str, folder: Path) -> Path:
    """Write a certificate for `host` that vouches for itself, with its key in the same file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)  # a server's own clock
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@contextlib.contextmanager
def serving(certificate: Path) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one request at https://localhost with `certificate`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    received: list[bytes] = []

    def answer() -> None:
        line, _ = listener.accept()
        with line, contextlib.suppress(OSError):  # a client that is not convinced hangs up
            line.settimeout(_PATIENCE_SECONDS)
            with context.wrap_socket(line, server_side=True) as sealed:
                received.append(sealed.recv(65_536))
                sealed.sendall(_ANSWER)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_PATIENCE_SECONDS)
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}", received
        thread.join()


def test_a_server_whose_certificate_nobody_vouches_for_hears_nothing(tmp_path: Path) -> None:
    with serving(certificate_for("localhost", tmp_path)) as (origin, received):
        session = GuardedSession(origin, TIMEOUT)

        with pytest.raises(requests.exceptions.SSLError):
            session.request("GET", f"{origin}/v2/clock", headers={"APCA-API-SECRET-KEY": "shh"})

        session.close()

    assert not any(received)


def test_a_server_with_the_certificate_of_another_host_hears_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificate_for("paper-api.alpaca.markets", tmp_path)
    monkeypatch.setattr(connection, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
    with serving(certificate) as (origin, received):
        session = GuardedSession(origin, TIMEOUT)

        with pytest.raises(requests.exceptions.SSLError):
            session.request("GET", f"{origin}/v2/clock", headers={"APCA-API-SECRET-KEY": "shh"})

        session.close()

    assert not any(received)


def test_a_server_that_proves_who_it_is_is_talked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificate_for("localhost", tmp_path)
    monkeypatch.setattr(connection, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
    with serving(certificate) as (origin, received):
        session = GuardedSession(origin, TIMEOUT)

        answer = session.request("GET", f"{origin}/v2/clock")

        session.close()

    assert answer.text == "ok"
    assert received[0].startswith(b"GET /v2/clock HTTP/1.1\r\n")
