"""Which run the pages show, and which they refuse."""

import pytest

from bayes_backlog.errors import RunError
from bayes_backlog.reporting.finished import expected_stages, finished_run, predictions


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
def test_a_run_whose_files_are_not_those_it_wrote_is_refused(monkeypatch, own_run, spoil):
    artefact = own_run.path("forecast/stocks.csv")
    artefact.unlink() if spoil == "gone" else artefact.write_text("stock\n", encoding="utf-8")
    monkeypatch.setenv("BAYES_BACKLOG_RUN", str(own_run.folder))
    with pytest.raises(RunError, match=r"1 file\(s\) .* not as the run wrote them \(forecast/stocks.csv\)"):
        finished_run()


def test_a_configuration_without_folds_needs_no_backtest(own_run, change):
    assert expected_stages(own_run)[-1] == "backtest"
    assert expected_stages(change(own_run, config={"backtest": {"n_folds": 0}}))[-2:] == ("uncertainty", "answers")


def test_the_draws_are_read_once(own_run):
    first = predictions(own_run)
    own_run.path("forecast/predictions.nc").unlink()
    assert predictions(own_run) is first
