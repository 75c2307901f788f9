"""Independent counts: rates are recovered, spread is that of the family, people are added up."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.config import Calendar
from bayes_backlog.forecasts.baselines.count_regression import (
    best_dispersion,
    calendar_rates,
    negative_binomial,
    negative_binomial_per_investigator,
    poisson,
    poisson_per_investigator,
)
from bayes_backlog.forecasts.baselines.history import (
    QUARTER,
    CannotForecast,
    History,
    Horizon,
    horizon_of,
    team_histories,
)
from bayes_backlog.models.draws import draw_negative_binomial
from bayes_backlog.panels import Panels
from bayes_backlog.panels.calendar import working_days

MakeHistory = Callable[..., History]
MakeHorizon = Callable[..., Horizon]


def test_rates_are_those_of_weekday_and_month_end(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """Counts that are exactly 10 * (weekday + 1), five times as many on the last working day of a month."""
    horizon = make_horizon()

    def exact(days: pd.DatetimeIndex) -> np.ndarray:
        calendar = horizon.calendar.loc[days]
        return 10 * (calendar["weekday"] + 1) * np.where(calendar["working_days_to_month_end"] == 0, 5, 1)

    days = pd.DatetimeIndex(make_history(np.zeros((504, 4), int)).flows.index)
    past, ahead = calendar_rates(pd.Series(exact(days), index=days), horizon.days, horizon.calendar)
    np.testing.assert_allclose(past, exact(days), rtol=1e-6)
    np.testing.assert_allclose(ahead, exact(horizon.days), rtol=1e-6)


@pytest.mark.parametrize("dispersion", [0.5, 4.0])
def test_the_dispersion_is_found(dispersion: float) -> None:
    """Of 20,000 counts, within a tenth: four standard errors are about 0.05 of it."""
    rates = np.full(20_000, 8.0)
    counts = draw_negative_binomial(np.random.default_rng(2), rates, dispersion)
    assert best_dispersion(counts, rates) == pytest.approx(dispersion, rel=0.1)
    assert best_dispersion(np.random.default_rng(2).poisson(rates), rates) > 100


def test_spread_is_that_of_the_family(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """Of over-dispersed days (variance 8 + 8^2 / 2 = 40), only the negative binomial knows the spread of 63 of them."""
    counts = draw_negative_binomial(np.random.default_rng(4), np.full((504, 4), 8.0), 2.0)
    history, horizon = make_history(counts), make_horizon(63, 4_000)
    wide = negative_binomial(history, horizon, np.random.default_rng(1))["received"][:, -1]
    narrow = poisson(history, horizon, np.random.default_rng(1))["received"][:, -1]
    assert wide.std() == pytest.approx(np.sqrt(63 * 40), rel=0.15)
    assert narrow.std() == pytest.approx(np.sqrt(63 * 8), rel=0.15)
    assert wide.mean() == pytest.approx(narrow.mean(), abs=4 * wide.std() / np.sqrt(4_000))


def test_what_never_happened_is_not_forecast(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    values = np.random.default_rng(3).poisson(2, (300, 4)) * [1, 0, 1, 1]
    paths = negative_binomial(make_history(values), make_horizon(), np.random.default_rng(1))
    assert paths["removed"].max() == 0


def test_people_are_added_up(small_panels: Panels) -> None:
    """Each person goes on as before, so a team whose members all stayed expects what it did."""
    horizon = small_horizon(small_panels)
    for history in team_histories(small_panels):
        own = poisson_per_investigator(history, horizon, np.random.default_rng(1))
        assert set(own) == {"allocated", "signed_off", "wip"}
        rows = history.people
        now = rows[rows["date"] == rows["date"].max()].set_index("investigator")["exposure"]
        rate = rows.groupby("investigator")["allocated"].sum() / rows.groupby("investigator")["exposure"].sum()
        expected = 63 * (rate * now).sum()
        assert own["allocated"][:, -1].mean() == pytest.approx(expected, rel=0.15)
        over = negative_binomial_per_investigator(history, horizon, np.random.default_rng(1))
        assert over["allocated"][:, -1].std() >= 0.9 * own["allocated"][:, -1].std()


def small_horizon(panels: Panels) -> Horizon:
    begins = panels.as_of + pd.Timedelta(days=1)
    return horizon_of(panels, working_days(begins, begins + pd.Timedelta(days=120), Calendar())[:63], 400, Calendar())


def test_a_short_history_is_refused(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    with pytest.raises(CannotForecast, match="62 working days"):
        poisson(make_history(np.ones((QUARTER - 1, 4), int)), make_horizon(), np.random.default_rng(1))
