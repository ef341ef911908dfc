"""Real servers to which alerts are sent: a webhook and a mail server, on loopback."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message as Mail
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

Manner = Literal["takes", "refuses", "hangs up", "stalls"]
LONGEST_STALL_SECONDS = 10


@dataclass
class Webhook:
    """What a webhook got, each request's JSON; how it answers may be changed at any time."""

    port: int = 0
    manner: Manner = "takes"
    got: list[dict[str, Any]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    """Ends what stalls; its context does so too."""

    @property
    def url(self) -> str:
        """Return the address that Apprise takes, with a key in it."""
        return f"json://hook:s3cret-pass@127.0.0.1:{self.port}/t0ken-of-the-hook"

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in self.got]


@contextmanager
def webhook(port: int = 0, known: Webhook | None = None) -> Iterator[Webhook]:
    """Serve a webhook; `known` is one that comes back, on its old port."""
    hook = known or Webhook()

    class Request(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.got.append(json.loads(body))
            if hook.manner == "hangs up":
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if hook.manner == "stalls":
                hook.over.wait(LONGEST_STALL_SECONDS)
            with suppress(OSError):
                self.send_response(503 if hook.manner == "refuses" else 200)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port or hook.port), Request)
    server.daemon_threads = True
    hook.port = server.server_address[1]
    thread = threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        hook.over.set()
        server.shutdown()
        server.server_close()


@dataclass
class MailServer:
    """What a mail server got, parsed."""

    port: int = 0
    manner: Manner = "takes"
    got: list[Mail] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Return the address that Apprise takes."""
        return (
            f"mailto://127.0.0.1:{self.port}/?from=council@example.com&to=owner@example.com&cto=1"
        )

    @property
    def titles(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.got]

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802, RUF100 - aiosmtpd names it
        """Take a mail, or not."""
        assert isinstance(envelope.content, bytes)
        self.got.append(message_from_bytes(envelope.content))
        if self.manner == "stalls":
            self.over.wait(LONGEST_STALL_SECONDS)  # the server's own thread, and it shall hang
        return "554 refused" if self.manner == "refuses" else "250 taken"


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Serve mail."""
    mails = MailServer(port=free_port())
    controller = Controller(mails, hostname="127.0.0.1", port=mails.port)
    controller.start()
    try:
        yield mails
    finally:
        mails.over.set()
        controller.stop()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
