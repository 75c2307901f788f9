"""A description says what the specification says: whatever is changed, switched off or added is in it or out of it."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys

import pytest

from bayes_backlog.models.describe import (
    PARTS,
    description,
    formulas,
    implied_priors,
    mathematics,
    parts_of,
    plain_words,
    variant_words,
)
from bayes_backlog.models.row_variant import PLAIN, RESPONSES, RowVariant
from bayes_backlog.models.spec import OFFICE_FLOWS, ModelSpec, Priors

SPEC = dataclasses.replace(
    ModelSpec(),
    office_flows=(*OFFICE_FLOWS, "legal_requested", "court_order"),
    elasticities=ModelSpec().elasticities | dict.fromkeys(("legal_requested", "court_order"), ("office_wip",)),
    correlated_weeks=True,
)
"""With two further flows and correlated weeks, so that every prior has a use."""
PRIORS = [field.name for field in dataclasses.fields(Priors)]
FIELDS = [field.name for field in dataclasses.fields(ModelSpec)]


def text_of(spec: ModelSpec) -> str:
    return "\n".join([*formulas(spec).values(), *mathematics(spec), *plain_words(spec)])


def changed(value: object) -> object:
    """Return another value of the same type, with less in it where it is a collection."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value - 1
    if isinstance(value, dict):
        return dict(list(value.items())[1:])
    if isinstance(value, tuple):
        return value[1:]
    if isinstance(value, Priors):
        return dataclasses.replace(value, level_range_weeks=13.0)
    raise AssertionError(f"teach this test to change a {type(value).__name__}")


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_the_specification_is_described(field: str) -> None:
    """A field added to the specification fails here until the description speaks of it."""
    other = dataclasses.replace(SPEC, **{field: changed(getattr(SPEC, field))})
    assert text_of(other) != text_of(SPEC)


@pytest.mark.parametrize("prior", PRIORS)
def test_every_prior_is_shown_with_its_own_number(prior: str) -> None:
    value = getattr(SPEC.priors, prior)
    other = (3.125, 7.625) if isinstance(value, tuple) else 7.625
    shown = implied_priors(dataclasses.replace(SPEC, priors=dataclasses.replace(SPEC.priors, **{prior: other})))
    row = shown.set_index("prior").loc[prior]
    assert "7.625" in row["distribution"]
    assert "7.625" not in str(implied_priors(SPEC)["distribution"].tolist())


def test_the_parts_share_out_the_priors() -> None:
    named = [prior for part in PARTS for prior in part.priors(SPEC)]
    assert sorted(named) == sorted(PRIORS)


@pytest.mark.parametrize(
    ("switched", "priors", "words"),
    [
        ({"week_shock": False}, {"week_sd", "week_persistence", "week_correlation"}, "effect of the week"),
        ({"correlated_weeks": False}, {"week_correlation"}, "may tend to be busy, or quiet, for the others"),
        ({"slow_level": False}, {"level_sd", "following_level_sd", "level_range_weeks"}, "slowly moving level"),
        ({"annual_harmonics": 0}, {"season_sd", "following_season_sd"}, "annual wave"),
        (
            {"elasticities": {}},
            {"elasticity", "office_elasticity", "following_season_sd", "following_level_sd"},
            "answers to what waits",
        ),
        ({"day_shock": False}, set(), "gamma-distributed shock"),
        ({"batched_flows": ()}, {"batch", "month_noise"}, "come in batches"),
        ({"office_flows": ("received",), "batched_flows": ("signed_off",)}, {"log_removed", "log_further"}, "removed"),
        ({"office_flows": OFFICE_FLOWS}, {"log_further"}, "court order"),
    ],
)
def test_what_is_switched_off_is_not_spoken_of(switched: dict, priors: set[str], words: str) -> None:
    less = dataclasses.replace(SPEC, **switched)
    if "office_flows" in switched:
        others = {flow: ("backlog",) for flow in less.flows[1:]}
        less = dataclasses.replace(less, elasticities=others | {"signed_off": ("wip", "mean_wip")})
    assert words in description(SPEC)
    assert words not in description(less)
    gone = set(implied_priors(SPEC)["prior"]) - set(implied_priors(less)["prior"])
    assert gone == priors


def test_terms_and_states_added_later_are_described() -> None:
    spec = dataclasses.replace(
        SPEC,
        calendar_terms=(*SPEC.calendar_terms, "snow_day"),
        elasticities=SPEC.elasticities | {"received": ("open_desks",)},
    )
    assert "snow_day" in formulas(spec)["allocated"]
    for way in ("\n".join(mathematics(spec)), "\n".join(plain_words(spec))):
        assert "snow day" in way
        assert "open desks" in way


def test_symbols_of_the_mathematics_are_defined_and_braces_balanced() -> None:
    for spec in (SPEC, dataclasses.replace(SPEC, day_shock=False, annual_harmonics=0, elasticities={})):
        lines = mathematics(spec)
        assert all(line.count("{") == line.count("}") for line in lines)
        means, definitions = lines[:2], "\n".join(lines[2:])
        for part in parts_of(spec):
            for symbol in re.findall(r"\\(?:ell|tau|rho|eta)|[uw](?=_)|(?<=r_f )n", part.term):
                assert symbol in definitions, symbol
            assert all(part.term in mean for mean in means[1:])
            assert (part.term in means[0]) is not part.staff_only or not part.term


def test_nothing_is_described_with_a_sampling_library() -> None:
    code = "import sys, bayes_backlog.models.describe; print({'pymc', 'bambi', 'nutpie'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_variant_of_the_row_model_is_described_with_its_priors() -> None:
    assert description(SPEC, PLAIN) == description(SPEC)
    assert variant_words(PLAIN) == []
    text = description(SPEC, RowVariant(RESPONSES["hurdle"], monotone=True, step=0.125))
    for words in ("hurdle_negativebinomial", "psi ~ Beta(1, 4)", "+ before_week_5 +", "exponential with mean 0.125"):
        assert words in text
        assert words not in description(SPEC)
    assert "any_allocated ~ 1" in description(SPEC, RowVariant(RESPONSES["hazard"]))
