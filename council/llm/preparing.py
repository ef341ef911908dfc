"""What every week needs and the first would wait for: templates, schemas, models of its facts."""

from config.building import build_models
from council import events
from council.llm.wire_schema import schema_text
from council.measure_facts import ModelDriftMeasured, ReviewBiasMeasured
from council.model.decision import DecisionAnswer
from council.model.pitch import PitchAnswer
from council.model.research import ResearchAnswer
from council.model.review import BallotAnswer
from council.templates import load_templates
from council.trade_facts import TradeProposed

_ANSWERS = (ResearchAnswer, PitchAnswer, BallotAnswer, DecisionAnswer)
_FACTS = (
    *(events.WeekStarted, events.SnapshotTaken, events.ModelCalled, events.ResearchReceived),
    *(events.PitchMade, events.ReviewMade, events.DecisionReached, events.StageCompleted),
    *(ModelDriftMeasured, ReviewBiasMeasured, TradeProposed),
)
_TEMPLATES = ("system", "shared", "market", "research", "pitch", "peer_review", "chairman")


def prepare() -> None:
    """Build them once for this process, in a thread beside whatever else is opened."""
    load_templates(*_TEMPLATES)
    for answer_type in _ANSWERS:
        schema_text(answer_type)


def prepare_facts() -> None:
    """Build the models of the facts that nearly every week stores."""
    build_models(*_FACTS)
