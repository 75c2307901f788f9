"""The row model sampled: effects under Bambi's names, one compilation for both flows, and a verb for users."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from whole_run import command

from bayes_backlog import cli
from bayes_backlog.config import Config
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.inference.laplace import APPROXIMATE
from bayes_backlog.inference.rows import fit_rows
from bayes_backlog.inference.sampling import CompiledModels, SamplerSettings
from bayes_backlog.models.row_table import GROUPS, row_table
from bayes_backlog.runs import Run

pytestmark = pytest.mark.slow

SHORT = SamplerSettings(chains=2, draws=100, tune=200, target_accept=0.9, seed=3)


def test_every_effect_is_there_and_the_second_flow_compiles_nothing(small: Prepared) -> None:
    table, compiled = row_table(small.design, small.spec), CompiledModels()
    seconds, posteriors = [], []
    for flow in ("signed_off", "allocated"):
        begun = time.process_time()
        posteriors.append(fit_rows(table, flow, small.spec, SHORT, compiled)["posterior"].to_dataset())
        seconds.append(time.process_time() - begun)
    first, second = posteriors
    scales = [f"1|{group}_sigma" for group in GROUPS]
    assert set(first.data_vars) == {
        "Intercept",
        "new_starter",
        "alpha",
        *small.spec.terms,
        *scales,
        *(f"1|{group}" for group in GROUPS),
    }
    assert set(first["1|team"]["team__factor_dim"].to_numpy()) == set(table["team"])
    assert not np.array_equal(first["Intercept"], second["Intercept"])
    assert seconds[1] < seconds[0] / 3


def test_the_verb_calls_an_approximation_one(small_config: Config, tmp_path: Path, monkeypatch) -> None:
    settings = {
        "name": "rows",
        "title": "Row model",
        "data": {"file": str(small_config.data.file), "first_date": small_config.data.first_date},
        "rows": {"engine": "laplace"},
    }
    (tmp_path / "rows.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("BAYES_BACKLOG_KEY", "a key of this test")
    with cli.console.capture() as told:
        assert command("rows", str(tmp_path / "rows.yaml"), "--results", str(tmp_path)) == 0
    words = " ".join(told.get().split())
    assert "signed_off, importance_k_hat: k-hat of the weights" in words
    done = Run(tmp_path / "rows")
    for flow in ("allocated", "signed_off"):
        assert done.tree(f"model/rows_{flow}.nc")["posterior"].attrs == {"approximate": APPROXIMATE}
    assert words.count(APPROXIMATE) == 4


@pytest.mark.parametrize("variant", [{}, {"response": "hazard", "ramp": "monotone"}], ids=["plain", "variant"])
def test_the_verb_writes_posteriors_and_verdicts(
    variant: dict[str, str], small_config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "name": "rows",
        "title": "Row model",
        "data": {"file": str(small_config.data.file), "first_date": small_config.data.first_date},
        "sampling": {"chains": 2, "draws": 100, "tune": 200},
        "rows": variant,
    }
    (tmp_path / "rows.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("BAYES_BACKLOG_KEY", "a key of this test")
    monkeypatch.setattr("sys.argv", ["bayes-backlog", "rows", str(tmp_path / "rows.yaml"), "--results", str(tmp_path)])
    with cli.console.capture() as told, pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3, "so few draws cannot pass the gate"
    assert "signed_off, bulk ESS" in told.get()
    done = Run(tmp_path / "rows")
    assert done.tree("model/rows_signed_off.nc")["posterior"].sizes["draw"] == 100
    verdicts = done.table("model/rows_verdicts.csv")
    assert set(verdicts["flow"]) == {"allocated", "signed_off"}
    assert verdicts.query("check == 'Bambi and PyMC'")["status"].tolist() == (["green"] * 2 if variant else [])
