"""What every week's questions need and the first of them would wait for: templates and schemas."""

from council.llm.wire_schema import schema_text
from council.model.decision import DecisionAnswer
from council.model.pitch import PitchAnswer
from council.model.research import ResearchAnswer
from council.model.review import BallotAnswer
from council.templates import load_templates

_ANSWERS = (ResearchAnswer, PitchAnswer, BallotAnswer, DecisionAnswer)
_TEMPLATES = ("system", "shared", "market", "research", "pitch", "peer_review", "chairman")


def prepare() -> None:
    """Build them once for this process, in a thread beside whatever else is opened."""
    load_templates(*_TEMPLATES)
    for answer_type in _ANSWERS:
        schema_text(answer_type)
