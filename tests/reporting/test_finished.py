"""Which run the pages show, and which they refuse."""

import pytest

from bayes_backlog.errors import RunError
from bayes_backlog.reporting.finished import expected_stages, finished_run, predictions
from bayes_backlog.runs import record_stage, write_text


def test_the_chosen_run_is_returned_when_it_is_finished(monkeypatch, tiny_run):
    monkeypatch.setenv("BAYES_BACKLOG_RUN", str(tiny_run.folder))
    assert finished_run().manifest()["run_id"] == "0123456789ab"


def test_a_run_without_a_stage_is_refused(monkeypatch, own_run, change):
    stages = own_run.manifest()["stages"]
    change(own_run, stages={name: stages[name] for name in ("fit", "forecast")})
    monkeypatch.setenv("BAYES_BACKLOG_RUN", str(own_run.folder))
    with pytest.raises(
        RunError, match=r"not finished: check, uncertainty, answers, backtest not in its manifest.*bayes-backlog run"
    ):
        finished_run()


@pytest.mark.parametrize("spoil", ["gone", "changed"])
@pytest.mark.parametrize(
    "artefact",
    [
        "cases/findings.csv",
        "panels/caseload.parquet",
        "model/posterior.nc",
        "model/rows_verdicts.csv",
        "model/calibration.csv",
        "forecast/stocks.csv",
        "scenarios/more/stocks.csv",
        "scenarios/target/inverse.csv",
        "backtest/folds/2024-06-27/scores.parquet",
        "backtest/failures.csv",
    ],
)
def test_a_run_whose_files_are_not_those_it_wrote_is_refused(monkeypatch, own_run, artefact, spoil):
    """Of whatever stage, those included that a finished run may do without."""
    for stage, name in (("rows", "model/rows_verdicts.csv"), ("calibration of 40", "model/calibration.csv")):
        write_text("check\n", own_run.path(name))
        record_stage(own_run, stage, "k", [name])
    monkeypatch.setenv("BAYES_BACKLOG_RUN", str(own_run.folder))
    assert finished_run() == own_run
    path = own_run.path(artefact)
    path.unlink() if spoil == "gone" else path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(RunError, match=rf"1 file\(s\) .* not as the run wrote them \({artefact}\)"):
        finished_run()


def test_a_configuration_without_folds_needs_no_backtest(own_run, change):
    assert expected_stages(own_run)[-1] == "backtest"
    assert expected_stages(change(own_run, config={"backtest": {"n_folds": 0}}))[-2:] == ("uncertainty", "answers")


def test_the_draws_are_read_once(own_run):
    first = predictions(own_run)
    own_run.path("forecast/predictions.nc").unlink()
    assert predictions(own_run) is first
