from datetime import date

from config.loader import load_config
from council.llm.training import training_notices

UNTIL = {
    "vendor/old": date(2024, 6, 30),
    "vendor/new": date(2025, 8, 27),
    "vendor/twin": date(2025, 8, 27),
}


def test_weeks_inside_a_training_are_named_with_the_models_that_share_it() -> None:
    models = ("vendor/new", "vendor/twin", "vendor/new")

    told = training_notices(models, date(2025, 8, 27), UNTIL)

    assert told == (
        "Weeks up to 2025-08-27 lie inside the training of vendor/new and vendor/twin: "
        "their results there say nothing about foresight.",
    )


def test_weeks_after_every_training_need_no_word() -> None:
    assert training_notices(UNTIL, date(2025, 9, 3), UNTIL) == ()


def test_only_models_trained_on_the_first_week_or_later_are_named() -> None:
    told = training_notices(UNTIL, date(2025, 1, 1), UNTIL)

    assert len(told) == 1
    assert "vendor/old" not in told[0]


def test_a_model_whose_end_of_training_nobody_published_is_named_as_such() -> None:
    told = training_notices(("vendor/silent",), date(2026, 1, 7), UNTIL)

    assert told == (
        "models.yaml does not say until when vendor/silent was trained: "
        "results in any week of the past may be memory.",
    )


def test_rehearsal_models_were_trained_on_nothing() -> None:
    assert training_notices(("rehearsal/trend",), date(2016, 1, 6), UNTIL) == ()


def test_the_packaged_ends_of_training_are_of_models_that_are_configured() -> None:
    models = load_config().models
    roles = (*models.accounts.values(), *models.research)
    configured = {name for role in roles for name in (role.model, *role.fallbacks)}

    assert set(models.training_until) <= configured
