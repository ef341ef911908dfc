"""What was asked to run, as every process sees it."""

from council.ports import Deps
from council.run_requests import cancel_run, newest_request, request_run, requests_of, still_wanted
from tests.builders import WEEK_ID
from tests.fakes import make_deps

RUN = f"run-{WEEK_ID}"


async def asked(deps: Deps, query: str | None = None) -> None:
    await request_run(RUN, WEEK_ID, deps, query=query)


async def test_asking_often_is_one_request_and_keeps_its_first_time_and_wish() -> None:
    deps = make_deps()

    await asked(deps, "Rates first.")
    await asked(deps)

    (request,) = await requests_of(RUN, deps.store)
    assert (request.number, request.query, request.is_cancelled) == (1, "Rates first.", False)


async def test_taking_back_stops_and_asking_again_is_a_new_request() -> None:
    deps = make_deps()
    wanted = still_wanted(RUN, deps.store)

    await asked(deps)
    await cancel_run(RUN, WEEK_ID, deps)
    await cancel_run(RUN, WEEK_ID, deps)
    stopped = not await wanted()
    await asked(deps)

    assert stopped
    assert await wanted()
    assert [(r.number, r.is_cancelled) for r in await requests_of(RUN, deps.store)] == [
        (1, True),
        (2, False),
    ]


async def test_what_nobody_asked_for_is_wanted_and_not_taken_back() -> None:
    deps = make_deps()

    await cancel_run(RUN, WEEK_ID, deps)

    assert await newest_request(RUN, deps.store) is None
    assert await still_wanted(RUN, deps.store)()
