"""Has the research packs written, all at once; the week goes on with those that arrive."""

from council.context import WeekContext
from council.events import ResearchFailed, ResearchReceived
from council.fact import Fact
from council.model.research import PackName
from council.parallel import all_at_once
from council.ports import Deps, ResearchTask
from council.research.chain import research_pack
from council.stages.counting import Count
from council.stages.silence import check_reach


async def research(context: WeekContext, deps: Deps) -> tuple[Fact, ...]:
    """Return one fact for each pack that is switched on: the pack, or why it is missing.

    Raises:
        ModelsUnreachable: no provider of any pack answered; nothing is stored.
    """
    count = Count("research", len(deps.research), deps.tell)
    facts = await all_at_once([_write(pack, context, deps, count=count) for pack in deps.research])
    check_reach(facts)
    return facts


async def _write(
    pack: PackName, context: WeekContext, deps: Deps, *, count: Count
) -> ResearchReceived | ResearchFailed:
    task = ResearchTask(
        week_id=context.week_id,
        pack=pack,
        snapshot=context.frozen_snapshot,
        universe=deps.config.universe,
        query=context.started.query if context.started else None,
        tell=lambda message: count.meanwhile(f"pack {pack}: {message}"),
    )
    fact = await research_pack(task, deps.research[pack])
    if isinstance(fact, ResearchReceived):
        count.another(f"pack {pack} by {fact.pack.research_source}")
    else:
        count.another(f"pack {pack} is missing: {fact.reason}")
    return fact
