"""Who shares a reading: only those who asked before it began."""

import asyncio

from council.joint_reading import JointReading


class Source:
    """Reads when it is let, and counts."""

    def __init__(self) -> None:
        self.begun = 0
        self.failures = 0
        self.asked = asyncio.Event()
        self.let = asyncio.Event()

    async def read(self) -> None:
        self.begun += 1
        self.asked.set()
        await self.let.wait()
        if self.failures:
            self.failures -= 1
            raise ConnectionError


async def test_all_who_ask_at_the_same_moment_share_one_reading() -> None:
    source, joint = Source(), JointReading()
    source.let.set()

    await asyncio.gather(*(joint.join(source.read) for _ in range(5)))

    assert source.begun == 1


async def test_whoever_asks_during_a_reading_is_served_by_the_next() -> None:
    source, joint = Source(), JointReading()
    first = asyncio.create_task(joint.join(source.read))
    await source.asked.wait()

    later = [asyncio.create_task(joint.join(source.read)) for _ in range(3)]
    await asyncio.sleep(0)
    source.let.set()
    await asyncio.gather(first, *later)

    assert source.begun == 2


async def test_asking_again_reads_again() -> None:
    source, joint = Source(), JointReading()
    source.let.set()

    await joint.join(source.read)
    await joint.join(source.read)

    assert source.begun == 2


async def test_a_reading_that_failed_serves_nobody_who_waits() -> None:
    source, joint = Source(), JointReading()
    source.failures = 1
    source.let.set()

    results = await asyncio.gather(
        *(joint.join(source.read) for _ in range(3)), return_exceptions=True
    )

    assert [type(result) for result in results] == [ConnectionError, type(None), type(None)]
    assert source.begun == 2


async def test_whoever_goes_away_leaves_the_reading_to_the_others() -> None:
    source, joint = Source(), JointReading()
    first = asyncio.create_task(joint.join(source.read))
    second = asyncio.create_task(joint.join(source.read))
    await source.asked.wait()

    first.cancel()
    source.let.set()
    await second

    assert first.cancelled()
    assert source.begun == 2
