"""Panels of simulated offices, for what is measured on them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from bayes_backlog.cases.case_log import load_cases
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cases.synthetic import simulate_office, write_office
from bayes_backlog.config import Config, with_data
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.panels.roster import read_roster


def simulated_panels(config: Config) -> Panels:
    """Return the panels of the office that a configuration simulates."""
    key = Key.for_synthetic_data()
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_office(simulate_office(config.simulate), folder)
        config = with_data(config, file=folder / "case_log.csv", roster=folder / "roster.csv")
        return build_panels(load_cases(config.data, key), config, read_roster(config.data.roster, key))
