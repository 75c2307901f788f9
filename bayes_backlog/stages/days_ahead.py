"""The days ahead as the configuration has them: calendar, staff as known or assumed, and a scenario's changes."""

from __future__ import annotations

from bayes_backlog.assumptions import Scenario
from bayes_backlog.config import Config
from bayes_backlog.forecasts.assumed import with_scenario, with_staffing
from bayes_backlog.forecasts.future import FutureFrame, build_future_frame
from bayes_backlog.inference.fit import Prepared


def future_frame(config: Config, prepared: Prepared) -> FutureFrame:
    """Return the days ahead, with the changes of staff that the configuration assumes."""
    frame = build_future_frame(
        prepared.panels, prepared.design, prepared.spec, config.calendar, config.forecast.horizon_days
    )
    return with_staffing(frame, config.staffing, prepared.panels.roster)


def scenario_frame(config: Config, prepared: Prepared, scenario: Scenario | None) -> FutureFrame:
    """Return the days ahead under a scenario; None is the forecast itself."""
    frame = future_frame(config, prepared)
    return frame if scenario is None else with_scenario(frame, scenario, prepared.panels.roster)


def refuse_unfit_assumptions(config: Config, prepared: Prepared) -> None:
    """Raise where the staffing or a scenario of the configuration cannot be applied to this office."""
    for scenario in (None, *config.scenarios):
        scenario_frame(config, prepared, scenario)
