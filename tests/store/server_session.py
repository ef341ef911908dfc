"""A program that uses the embedded server and tells what it sees, to be run as a process.

Arguments: home, what to do inside ("leave", "stay"), the number of a user to become or "-".
Everything is imported before that: the user may be unable to read the interpreter.
"""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg  # imported for the reason above

from store.embedded import embedded_database


async def main(home: Path, then: str) -> None:
    async with embedded_database(home, "shared") as dsn:
        connection = await asyncpg.connect(dsn)
        # Even IF NOT EXISTS fails for one of two that create at once.
        await connection.execute("SELECT pg_advisory_lock(1)")
        await connection.execute("CREATE TABLE IF NOT EXISTS visits (visitor int)")
        await connection.execute("INSERT INTO visits VALUES ($1)", os.getpid())
        visits = await connection.fetchval("SELECT count(*) FROM visits")
        await connection.execute("SELECT pg_advisory_unlock(1)")
        started = await connection.fetchval("SELECT pg_postmaster_start_time()::text")
        print(f"{visits} {started}", flush=True)  # noqa: T201 - the test reads it
        if then == "stay":
            await asyncio.to_thread(sys.stdin.read)
        await connection.close()


def become(user: str) -> None:
    # What asyncio imports at its first thread would come too late for another user.
    asyncio.run(asyncio.to_thread(str))
    if user != "-":
        os.setgroups([])
        os.setgid(int(user))
        os.setuid(int(user))


if __name__ == "__main__":
    become(sys.argv[3])
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
