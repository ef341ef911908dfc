"""Three providers, four faults each: the next in the chain writes the pack, which says so."""

from typing import Any

import httpx2
import pytest

from config.clock import VirtualClock
from council.events import ResearchFailed, ResearchReceived
from council.ports import Abstained
from council.research.chain import research_pack
from council.research.prompted import NO_LIVE_WEB, PromptedResearch
from tests.builders import NOW
from tests.council.research.scripted import (
    RUNNING,
    TAKEN,
    TASK,
    Script,
    gemini,
    perplexity,
    researcher,
    said,
)
from tests.fakes import FakeModels

SERVICES: dict[str, Any] = {"perplexity": perplexity, "gemini": gemini}
WIRE_FAULTS = {
    "down": (Script(posts=[httpx2.ConnectError("refused")]), "did not answer (ConnectError)"),
    "key refused": (Script(posts=[said({"error": {"message": "bad key"}}, 401)]), "HTTP 401: bad"),
    "slow": (Script(posts=[said(TAKEN)], gets=[said(RUNNING)]), "no report within"),
    "failed": (Script(posts=[said(TAKEN)], gets=[said({}, 410)]), "no longer has the job"),
}
MODEL_FAULTS = {
    "down": Abstained("m", "the gateway did not answer", "unreachable"),
    "slow": Abstained("m", "no answer within 180 s", "timed_out"),
    "refused": Abstained("m", "the model declined", "refused"),
    "invalid": Abstained("m", "the answer was invalid after one repair", "invalid"),
}


@pytest.mark.parametrize("fault", WIRE_FAULTS)
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_that_fails_is_followed_by_the_prompted_model(
    service: str, fault: str
) -> None:
    script, reason = WIRE_FAULTS[fault]
    models = FakeModels()
    deep = researcher(SERVICES[service](script), models=models, clock=VirtualClock(NOW))

    fact = await research_pack(TASK, (deep, PromptedResearch(models, "A")))

    assert isinstance(fact, ResearchReceived)
    assert fact.pack.research_source == "prompted:vendor/model-of-research-a"
    assert fact.pack.confidence_notes.data_quality_flags[0] == NO_LIVE_WEB
    (failed,) = fact.failed_providers
    assert failed.startswith(deep.name)
    assert reason in failed


@pytest.mark.parametrize("fault", MODEL_FAULTS)
async def test_a_pack_that_no_provider_can_write_is_missing_and_never_invented(fault: str) -> None:
    models = FakeModels(lambda question: MODEL_FAULTS[fault])
    script, _ = WIRE_FAULTS["key refused"]
    deep = researcher(perplexity(script), models=models)

    fact = await research_pack(TASK, (deep, PromptedResearch(models, "A")))

    assert isinstance(fact, ResearchFailed)
    assert "HTTP 401: bad key" in fact.reason
    assert MODEL_FAULTS[fault].reason in fact.reason
    assert fact.outcome == MODEL_FAULTS[fault].outcome
