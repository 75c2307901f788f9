"""Every configuration in the repository goes through the same code; what its source lacks is said, not refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from bayes_backlog.cases.case_log import CaseLog, load_cases
from bayes_backlog.cases.findings import ABSENT_MEANS
from bayes_backlog.cases.messy_export import write_messy_export
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cases.synthetic import simulate_office
from bayes_backlog.config import Simulate, load_config, with_data
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.vocabulary import NO_TEAM

CONFIGS = Path(__file__).parents[2] / "configs"
KEY = Key.for_synthetic_data()
MINIMAL = "case_id,investigator,dt_received_inv,dt_alloc_invest,dt_close"


def through(config_name: str, **files: Path) -> tuple[CaseLog, Panels]:
    config = with_data(load_config(CONFIGS / f"{config_name}.yaml"), **files)
    log = load_cases(config.data, KEY)
    return log, build_panels(log, config)


def counts(findings: pd.DataFrame) -> dict[str, int]:
    return dict(zip(findings["rule"], findings["count"], strict=True))


def test_the_raw_export_needs_no_mapping(tmp_path: Path) -> None:
    simulate = Simulate(
        seed=5, first_date=date(2024, 1, 1), last_date=date(2025, 3, 31), n_investigators=8, n_teams=2, cases_per_week=9
    )
    write_messy_export(simulate_office(simulate), tmp_path / "export.csv", seed=1)
    log, panels = through("opg", file=tmp_path / "export.csv")
    assert panels.caseload.query("level == 'team'")["unit"].nunique() == 3  # two teams, and the queue
    # The export has no role column, and says so.
    assert [rule for rule in log.findings["rule"] if rule.startswith("absent_")] == ["absent_role"]
    assert set(panels.daily["role"]) == {NO_TEAM}


def test_the_police_review_log(shared_data: Path) -> None:
    log, panels = through("ipra", file=shared_data / "ipra_cases_2007_2018.csv.gz")
    assert panels.as_of == pd.Timestamp("2013-12-31")
    assert len(panels.daily) > 30_000
    assert panels.daily["team"].nunique() > 5
    assert counts(panels.findings)["inferred_roster"] > 50
    assert counts(panels.findings)["school_terms_of_england"] == 1
    assert not (log.findings["severity"] == "error").any()


def test_the_incident_log(shared_data: Path) -> None:
    log, panels = through("incidents", file=shared_data / "uci_incidents_cases_2016.csv.gz")
    assert panels.as_of == pd.Timestamp("2016-05-31")
    assert panels.daily["signed_off"].sum() > 10_000
    assert panels.daily["date"].min() == pd.Timestamp("2016-03-01")
    assert "everybody counts as 1.0 FTE" in log.findings.set_index("rule").loc["absent_fte", "message"]


@pytest.fixture
def minimal(tmp_path: Path) -> Callable[[str], tuple[CaseLog, Panels]]:
    """Return a function that loads an office of 40 cases whose file has only the columns of `MINIMAL`."""

    def load(header: str) -> tuple[CaseLog, Panels]:
        days = pd.date_range("2025-01-06", periods=40)
        rows = [
            f"K{n},{('Ann Archer', 'Bob Baker')[n % 2]},{d:%d/%m/%Y},{d + pd.Timedelta(days=2):%d/%m/%Y},"
            f"{d + pd.Timedelta(days=9):%d/%m/%Y}"
            for n, d in enumerate(days)
        ]
        (tmp_path / "log.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
        return through("opg", file=tmp_path / "log.csv")

    return load


def test_an_office_without_teams_roles_and_sign_offs_still_has_its_panels(minimal: Callable) -> None:
    log, panels = minimal(MINIMAL)
    lacking = ["team", "role", "fte", "weighting", "is_reallocated", "dt_pg_signoff"]
    notes = log.findings[log.findings["rule"].str.startswith("absent_")].set_index("rule")
    assert list(notes.index) == [f"absent_{name}" for name in lacking]
    assert (notes["severity"] == "info").all()
    assert all(ABSENT_MEANS[name] in notes.loc[f"absent_{name}", "message"] for name in lacking)
    # Closure ends the work, everybody is in the one unit that stands for no team, and everything is counted.
    assert panels.daily["signed_off"].sum() == panels.daily["closed"].sum() == 40
    assert set(panels.daily["team"]) == set(panels.daily["role"]) == {NO_TEAM}
    assert panels.caseload.query("level == 'team'")["unit"].unique().tolist() == [NO_TEAM]
    assert (panels.daily["exposure"] == 1).all()


def test_an_office_with_sign_off_but_no_closure_ends_its_work_there(minimal: Callable) -> None:
    log, panels = minimal(MINIMAL.replace("dt_close", "dt_pg_signoff"))
    assert "work ends at sign-off" in log.findings.set_index("rule").loc["absent_dt_close", "message"]
    assert panels.daily["signed_off"].sum() == 40
    assert panels.daily["closed"].sum() == 0
