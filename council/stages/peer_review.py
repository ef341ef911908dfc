"""Lets every portfolio manager review the others' pitches blind, all at once.

Those who abstained from pitching review as well: they owe nobody a favour.
"""

from collections.abc import Sequence

from config.ids import meaning_id
from council.analytics.biases import review_biases, shown_length
from council.anonymise import ballot_for
from council.context import WeekContext
from council.events import ReviewAbstained, ReviewMade
from council.fact import Fact
from council.llm.questions import review_question
from council.measure_facts import ReviewBiasMeasured
from council.model.review import Ballot, BallotAnswer, Review
from council.parallel import all_at_once
from council.ports import Abstained, Answered, Deps
from council.stages.counting import Count
from council.stages.silence import check_reach


async def peer_review(context: WeekContext, deps: Deps) -> tuple[Fact, ...]:
    """Return one fact for each review, or one for each silent reviewer; last, how biased they are.

    With fewer pitches than the quorum nobody is asked: the council will decide nothing.

    Raises:
        ModelsUnreachable: nobody answered; nothing is reviewed.
    """
    if len(context.pitches) < deps.config.models.limits.quorum_pitches:
        return ()
    names = [manager.nickname for manager in deps.config.managers]
    ballots = [ballot_for(name, context, deps.config) for name in names]
    given = [ballot for ballot in ballots if ballot.pitches]
    count = Count("peer_review", len(given), deps.tell)
    asked = await all_at_once([_ask(ballot, context, deps, count=count) for ballot in given])
    facts = tuple(fact for facts in asked for fact in facts)
    check_reach(facts)
    return (*facts, *_biases(facts, given))


def _biases(facts: Sequence[Fact], ballots: Sequence[Ballot]) -> tuple[ReviewBiasMeasured, ...]:
    """Return the measure of the week's reviews; none where there are none."""
    reviews = [fact.review for fact in facts if isinstance(fact, ReviewMade)]
    if not reviews:
        return ()
    lengths = {
        ballot.pitch_ids[pitch.label]: shown_length(pitch)
        for ballot in ballots
        for pitch in ballot.pitches
    }
    pooled, each = review_biases(reviews, lengths)
    return (ReviewBiasMeasured(week_id=reviews[0].week_id, pooled=pooled, reviewers=each),)


async def _ask(
    ballot: Ballot, context: WeekContext, deps: Deps, *, count: Count
) -> tuple[Fact, ...]:
    reply = await deps.models.ask(review_question(ballot, context, deps.config))
    if isinstance(reply, Abstained):
        count.another(f"{ballot.reviewer} abstained: {reply.reason}")
        abstention = ReviewAbstained(
            week_id=context.week_id,
            account=ballot.reviewer,
            model=reply.model,
            reason=reply.reason,
            outcome=reply.outcome,
        )
        return (abstention,)
    count.another(f"{ballot.reviewer} reviewed {len(ballot.pitches)} pitches")
    return _reviews(ballot, reply, context, deps)


def _reviews(
    ballot: Ballot, reply: Answered[BallotAnswer], context: WeekContext, deps: Deps
) -> tuple[ReviewMade, ...]:
    """Return the reviews in the order in which the reviewer read the pitches."""
    by_label = {review.label: review for review in reply.answer.reviews}
    now = deps.clock.now()
    facts = []
    for index, label in enumerate(pitch.label for pitch in ballot.pitches):
        pitch_id, answer = ballot.pitch_ids[label], by_label[label]
        review = Review(
            review_id=meaning_id("review", context.week_id, ballot.reviewer, pitch_id),
            week_id=context.week_id,
            pitch_id=pitch_id,
            reviewer=ballot.reviewer,
            reviewer_model=reply.model,
            anonymized_pitch_id=label,
            display_index=index,
            made_at=now,
            **{name: value for name, value in dict(answer).items() if name != "label"},
        )
        facts.append(ReviewMade(week_id=context.week_id, account=ballot.reviewer, review=review))
    return tuple(facts)
