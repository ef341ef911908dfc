"""The head of an answer and its content, sent at once: fewer wake-ups, and nothing else changes."""

import asyncio
from typing import cast

from config.joined_writes import JoinedWrites


class Recorder:
    """A transport that records what is sent through it, and that it was closed."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_closed = False

    def write(self, content: bytes) -> None:
        self.sent.append(content)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def joined() -> tuple[JoinedWrites, Recorder]:
    recorder = Recorder()
    transport = cast(asyncio.Transport, recorder)
    return JoinedWrites(transport, asyncio.get_running_loop()), recorder


async def test_head_and_content_go_out_together() -> None:
    line, recorder = joined()

    line.write(b"head ")
    line.write(b"content")

    assert recorder.sent == [b"head content"]


async def test_what_nothing_follows_goes_out_in_the_next_turn() -> None:
    line, recorder = joined()

    line.write(b"head")
    before = list(recorder.sent)
    await asyncio.sleep(0)

    assert (before, recorder.sent) == ([], [b"head"])


async def test_nothing_is_sent_twice_or_out_of_order() -> None:
    line, recorder = joined()

    for piece in (b"1", b"2", b"3"):
        line.write(piece)
    await asyncio.sleep(0)
    line.write(b"4")
    await asyncio.sleep(0)

    assert b"".join(recorder.sent) == b"1234"


async def test_closing_sends_what_is_held_first() -> None:
    line, recorder = joined()

    line.write(b"last words")
    line.close()

    assert (recorder.sent, line.is_closing()) == ([b"last words"], True)
