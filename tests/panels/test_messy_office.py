"""From a messy export of a large office to its panels, against what truly happened.

The export hides a few cells for good: some dates are unreadable, some were entered wrongly or never. So the truth is
asked for twice. Of the export as it is: every date is right, or stands in the quarantine with a reason, or is what the
sheet itself says wrongly; and the cases without such a cell give the true flows and stocks on every day. Of the export
in which somebody has corrected the cells so listed, and nothing else: flows and stocks are those that the simulator
counted in its own books, on every day, to the unit.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from bayes_backlog.cases.case_log import CaseLog, load_cases
from bayes_backlog.cases.messy_export import write_messy_export
from bayes_backlog.cases.pseudonyms import Key, pseudonymise
from bayes_backlog.cases.quarantine import ROW_LEFT_OUT
from bayes_backlog.cases.synthetic import SimulatedOffice, simulate_office
from bayes_backlog.config import Config, Data, Simulate
from bayes_backlog.panels import Panels, build_panels

FLOWS = ["received", "allocated", "removed", "signed_off", "closed"]
STOCKS = ["backlog", "wip"]
FIRST, LAST = date(2023, 1, 2), date(2025, 6, 30)
MILESTONES = ["dt_received_inv", "dt_alloc_invest", "dt_pg_signoff", "dt_close"]
KEY = Key.for_synthetic_data()


@dataclass(frozen=True)
class Story:
    """One export, the office behind it, and what was made of it; `cells` is the answer sheet of the generator."""

    office: SimulatedOffice
    export: Path
    cells: pd.DataFrame
    log: CaseLog
    panels: Panels

    @property
    def truth(self) -> pd.DataFrame:
        """What happened, one row per row of the file."""
        wide = self.cells.pivot(index="source_row", columns="column", values="truth")
        dates = {name: pd.to_datetime(wide[name].replace("", None)) for name in wide if name.startswith("dt_")}
        return wide.assign(**dates)


def read(export: Path) -> tuple[CaseLog, Panels]:
    config = Config(name="messy", title="Messy", data=Data(file=export, as_of=LAST, first_date=FIRST))
    log = load_cases(config.data, KEY)
    return log, build_panels(log, config)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    simulate = Simulate(
        seed=3, first_date=FIRST, last_date=LAST, future_days=0, n_investigators=100, n_teams=6, cases_per_week=140
    )
    office = simulate_office(simulate)
    export = tmp_path_factory.mktemp("messy") / "export.csv"
    cells = write_messy_export(office, export, seed=1)
    return Story(office, export, cells, *read(export))


@pytest.fixture(scope="module")
def corrected(story: Story) -> Story:
    """The export after somebody has put right the cells that differ from the truth, and only those."""
    export = story.export.with_name("corrected.csv")
    with story.export.open(encoding="cp1252", newline="") as file:
        header, *rows = csv.reader(file)
    place = {" ".join(name.split()): n for n, name in enumerate(header)}
    for cell in story.cells[story.cells["reading"] != story.cells["truth"]].itertuples():
        rows[cell.source_row - 1][place[cell.header]] = cell.truth
    with export.open("w", encoding="cp1252", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return replace(story, export=export, log=(found := read(export))[0], panels=found[1])


def read_dates(log: CaseLog) -> pd.Series:
    """ISO text of every milestone cell of the log, "" where missing, by (source_row, column)."""
    dates = log.cases.set_index("source_row").filter(like="dt_")
    text = dates.apply(lambda column: column.dt.strftime("%Y-%m-%d").astype("str").fillna(""))
    return text.rename_axis(columns="column").stack()


def silently_wrong(story: Story, log: CaseLog) -> pd.DataFrame:
    """Cells that are not the truth although no quarantine entry, finding or entry in the sheet accounts for it."""
    got = read_dates(log)
    cells = story.cells.set_index(["source_row", "column"])
    cells = cells.loc[cells.index.isin(got.index)].assign(got=got)
    quarantined = log.quarantine.set_index(["source_row", "column"])["reason"]
    has_reason = cells.index.isin(quarantined.index[quarantined != ""])
    told = log.findings.set_index("rule")["count"].get("received_by_organisation", 0)
    filled = cells["got"].eq(cells["got"].unstack("column")["dt_received_opg"].reindex(cells.index, level=0))
    filled &= (cells.index.get_level_values("column") == "dt_received_inv") & (cells["reading"] == "")
    assert filled.sum() == told
    wrong = (cells["got"] != cells["truth"]) & ~has_reason & ~filled
    wrong_in_the_sheet = cells["reading"] == cells["got"]
    return cells[wrong & ~wrong_in_the_sheet]


def counted(cases: pd.DataFrame) -> pd.DataFrame:
    """Flows and stocks at the close of every day, one case and one day at a time: slow, plain and independent."""
    days = pd.date_range(FIRST, LAST, name="date", unit="us")
    ended = cases[["dt_pg_signoff", "dt_close"]].min(axis=1)
    held = cases["dt_alloc_invest"].notna()
    dates = {
        "received": cases["dt_received_inv"],
        "allocated": cases["dt_alloc_invest"],
        "removed": ended[~held],
        "signed_off": ended[held],
        "closed": cases["dt_close"],
    }
    table = pd.DataFrame({flow: [(when == day).sum() for day in days] for flow, when in dates.items()}, index=days)
    so_far = {flow: [(when <= day).sum() for day in days] for flow, when in dates.items()}
    totals = pd.DataFrame(so_far, index=days)
    table["backlog"] = totals["received"] - totals["allocated"] - totals["removed"]
    table["wip"] = totals["allocated"] - totals["signed_off"]
    return table


def office_of(panels: Panels) -> pd.DataFrame:
    return panels.caseload.query("level == 'office'").set_index("date")[FLOWS + STOCKS]


def disturbed_rows(story: Story) -> pd.Index:
    """Rows in which a date that flows and stocks rest on is not the truth."""
    read = story.log.cases.set_index("source_row")[MILESTONES]
    truth = story.truth.loc[read.index, MILESTONES]
    return read.index[((read != truth) & ~(read.isna() & truth.isna())).any(axis=1)]


def test_twenty_thousand_rows_are_conserved(story: Story) -> None:
    left_out = story.log.quarantine[story.log.quarantine["action"] == ROW_LEFT_OUT]
    assert len(story.office.cases) > 20_000
    assert len(story.log.cases) + len(left_out) == story.log.source.n_rows == len(story.office.cases) + 3
    assert left_out["reason"].tolist() == ["case number of an earlier row"] * 3


def test_every_date_is_the_truth_or_in_quarantine_with_its_reason(story: Story) -> None:
    wrong = silently_wrong(story, story.log)
    assert wrong.empty, wrong
    truth = story.cells.set_index(["source_row", "column"])["truth"]
    got = read_dates(story.log)
    got = got[got.index.isin(truth.index)]
    right = got == truth[got.index]
    assert right.mean() > 0.9998


def test_a_date_moved_by_one_day_is_seen_as_silently_wrong(story: Story) -> None:
    cases = story.log.cases.copy()
    cases.loc[77, "dt_close"] = cases["dt_close"].min() + pd.Timedelta(days=1)
    wrong = silently_wrong(story, replace(story.log, cases=cases))
    assert wrong.index.tolist() == [(cases.loc[77, "source_row"], "dt_close")]


def test_undisturbed_cases_give_the_true_flows_and_stocks_on_every_day(story: Story) -> None:
    disturbed = disturbed_rows(story)
    # What the export damages or enters wrongly is of fixed number: 33 cells of four columns in 20,000 rows.
    assert 20 < len(disturbed) < 40
    kept = story.log.cases[~story.log.cases["source_row"].isin(disturbed)].reset_index(drop=True)
    config = Config(name="messy", title="Messy", data=Data(file=story.export, as_of=LAST, first_date=FIRST))
    panels = build_panels(replace(story.log, cases=kept), config)
    pd.testing.assert_frame_equal(
        office_of(panels), counted(story.truth.loc[kept["source_row"]]), check_freq=False, check_dtype=False
    )


def test_disturbed_cases_move_no_stock_by_more_than_their_number(story: Story) -> None:
    """As the export stands, without any correction: the error is bounded by what the quarantine and findings list."""
    books = story.office.daily.set_index("date").loc[:, STOCKS]
    assert (office_of(story.panels)[STOCKS] - books).abs().max().max() <= len(disturbed_rows(story))


def test_the_corrected_export_gives_the_books_of_the_office_on_every_day(corrected: Story) -> None:
    books = corrected.office.daily.set_index("date")[FLOWS + STOCKS]
    pd.testing.assert_frame_equal(office_of(corrected.panels), books, check_freq=False, check_dtype=False)


def test_one_lost_case_is_seen_in_the_books(corrected: Story) -> None:
    books = counted(
        corrected.log.cases.drop(index=corrected.log.cases.index[corrected.log.cases["dt_close"].isna()][0])
    )
    assert not books["wip"].equals(office_of(corrected.panels)["wip"])


def test_everybodys_pick_ups_and_work_in_progress_are_true_on_every_day(corrected: Story) -> None:
    daily = corrected.panels.daily
    truth = corrected.truth.drop_duplicates("case_id")
    people = pseudonymise(truth["investigator"].replace("", None).astype("str"), KEY, "person")
    picked_up = truth.groupby([truth["dt_alloc_invest"], people]).size()
    picked_up = picked_up[picked_up.index.get_level_values(0) >= pd.Timestamp(FIRST)]
    found = daily[daily["allocated"] > 0].set_index(["date", "investigator"])["allocated"]
    assert found.to_dict() == picked_up.to_dict()
    ended = truth[["dt_pg_signoff", "dt_close"]].min(axis=1)
    for day, rows in daily.groupby("date"):
        was_open = (truth["dt_alloc_invest"] < day) & ~(ended < day)
        holding = people[was_open].value_counts().reindex(rows["investigator"], fill_value=0)
        assert holding.tolist() == rows["wip_prev"].tolist(), day
