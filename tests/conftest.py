"""One small simulated office for the whole session, as log, panels and arrays."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import settings
from whole_run import FEW_DRAWS, SECRET, Finished, command

from bayes_backlog import cli
from bayes_backlog.cases.case_log import CaseLog, load_cases
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cases.synthetic import simulate_office, write_office
from bayes_backlog.config import Config, Data, Model, Simulate
from bayes_backlog.forecasts.future import FutureFrame, build_future_frame
from bayes_backlog.inference.fit import Prepared, prepare
from bayes_backlog.models.draws import PosteriorDraws
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.runs import Run

N_DRAWS = 60

OFFLINE = Path(__file__).parent / "offline"
"""On the path of a Python process, it takes the network from it."""

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """No test reaches another machine, and no process that it starts: workers, kernels of pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(OFFLINE), prepend=os.pathsep)
        runpy.run_path(str(OFFLINE / "sitecustomize.py"))
        yield


@pytest.fixture(scope="session")
def small_config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Eight people in two teams over twenty months, written as an export; no further flow is forecast."""
    simulate = Simulate(
        seed=7,
        first_date=date(2023, 1, 2),
        last_date=date(2024, 8, 30),
        future_days=100,
        n_investigators=8,
        n_teams=2,
        cases_per_week=10,
    )
    folder = tmp_path_factory.mktemp("office")
    write_office(simulate_office(simulate), folder)
    data = Data(file=folder / "case_log.csv", first_date=simulate.first_date)
    return Config(name="small", title="Small office", simulate=simulate, data=data, model=Model(further_flows=()))


@pytest.fixture(scope="session")
def small_log(small_config: Config) -> CaseLog:
    return load_cases(small_config.data, Key.for_synthetic_data())


@pytest.fixture(scope="session")
def small_panels(small_log: CaseLog, small_config: Config) -> Panels:
    return build_panels(small_log, small_config)


@pytest.fixture(scope="session")
def small(small_panels: Panels, small_config: Config) -> Prepared:
    return prepare(small_panels, small_config.model)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real case logs beside the checkout; tests that need it skip where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real case logs are not beside the checkout (looked in {folder})")
    return folder


@pytest.fixture(scope="session")
def frame(small: Prepared, small_config: Config) -> FutureFrame:
    return build_future_frame(small.panels, small.design, small.spec, small_config.calendar, 90)


@pytest.fixture(scope="session")
def make_draws(small: Prepared) -> Callable[..., PosteriorDraws]:
    """Draws of parameters without sampling: conservation and checks hold for any of them."""

    def make(prepared: Prepared = small, n: int = N_DRAWS, **replaced: np.ndarray) -> PosteriorDraws:
        rng = np.random.default_rng(11)
        flows, staff_flows = len(prepared.spec.flows), len(prepared.spec.staff_flows)
        staff, weeks = prepared.design.staff, len(prepared.design.weeks)

        def normal(*shape: int, sd: float = 0.2) -> np.ndarray:
            return sd * rng.standard_normal((n, *shape))

        office_rate = np.log([2.0, 0.1, *(0.3 for _ in prepared.spec.further_flows)])
        values = {
            "intercept": np.concatenate([office_rate, [-1.2, -1.2]]) + normal(flows),
            "dispersion": np.full((n, flows), 5.0),
            "shared_mean": normal(flows, sd=0.05),
            "calendar": normal(flows, len(prepared.spec.terms)),
            "elasticity": {pair: 0.5 + normal(sd=0.1) for pair in prepared.spec.elasticity_names()},
            "week_sd": np.full((n, flows), 0.2),
            "week_persistence": np.full((n, flows), 0.7),
            "week_correlation": np.tile(np.eye(flows), (n, 1, 1)),
            "week_effect": normal(flows, weeks),
            "level_sd": np.full((n, flows), 0.2),
            "slow_level": normal(flows, weeks),
            "investigator_rate": -1.2 + normal(staff_flows, len(staff.investigators)),
            "team_effect": normal(staff_flows, len(staff.teams)),
            "role_effect": normal(staff_flows, len(staff.roles)),
            "investigator_sd": np.full((n, staff_flows), 0.4),
            "team_sd": np.full((n, staff_flows), 0.2),
            "role_sd": np.full((n, staff_flows), 0.2),
            "ramp": -0.5 + normal(staff_flows),
            "own_pace": 0.5 + normal(staff_flows, sd=0.1),
            "concentration": np.full((n, staff_flows), 3.0),
            "day_concentration": np.full((n, len(prepared.spec.batched_flows)), 1.0),
            "chains": 2,
        }
        return PosteriorDraws(**(values | replaced))

    return make


@pytest.fixture(scope="session")
def finished(small_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A real run through the command line, its folder as the command line left it."""
    folder = tmp_path_factory.mktemp("whole")
    settings = {
        "name": "small",
        "title": "Small office",
        "data": {"file": str(small_config.data.file), "first_date": small_config.data.first_date},
        "sampling": FEW_DRAWS,
        "forecast": {"draws_per_chain": 100, "backlog_target": 30},
        "backtest": {"n_folds": 2, **FEW_DRAWS},
    }
    config_file = folder / "small.yaml"
    config_file.write_text(yaml.safe_dump(settings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAYES_BACKLOG_KEY", SECRET)
        with cli.console.capture() as told:
            code = command("run", str(config_file), "--results", str(folder))
    return Finished(Run(folder / "small"), config_file, code, told.get())
