"""The hubverse table against the rules of https://docs.hubverse.io/en/latest/user-guide/model-output.html."""

import re

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.reporting.hubverse import COLUMNS, TASK_ID, hub_file, hub_table
from bayes_backlog.reporting.publish import publish
from bayes_backlog.vocabulary import QUANTILE_LEVELS

SHOWN = {("team", "A"), ("team", "B|<b>"), ("role", "EO")}


def broken_rules(table: pd.DataFrame) -> list[str]:
    """Return the rules of the format that a table breaks."""
    broken = [] if tuple(table) == COLUMNS else ["columns"]
    quantiles = table[table["output_type"] == "quantile"].assign(level=lambda t: t["output_type_id"].astype(float))
    ordered = quantiles.sort_values("level").groupby(list(TASK_ID))["value"]
    if not ordered.apply(lambda values: values.is_monotonic_increasing).all():
        broken.append("quantiles fall")
    if not quantiles["level"].between(0, 1).all():
        broken.append("levels are no probabilities")
    samples = table[table["output_type"] == "sample"]
    if samples.groupby(list(TASK_ID))["output_type_id"].agg(["nunique", "size"]).drop_duplicates().shape[0] != 1:
        broken.append("tasks differ in samples")
    if table.loc[table["output_type"] == "mean", "output_type_id"].notna().any():
        broken.append("a mean has an id")
    if table.duplicated([*TASK_ID, "output_type", "output_type_id"]).any():
        broken.append("a prediction stands twice")
    if not set(table["output_type"]) <= {"mean", "median", "quantile", "cdf", "pmf", "sample"}:
        broken.append("an unknown output type")
    return broken


@pytest.fixture(scope="module")
def table(tiny_run) -> pd.DataFrame:
    return hub_table(tiny_run, SHOWN)


def test_the_table_keeps_the_rules(table):
    assert broken_rules(table) == []
    assert table["value"].notna().all()
    assert set(table["output_type"]) == {"sample", "quantile", "mean"}


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda t: t.assign(value=-t["value"]), "quantiles fall"),
        (lambda t: pd.concat([t, t.tail(1)]), "a prediction stands twice"),
        (lambda t: t.drop(t.index[t["output_type"] == "sample"][0]), "tasks differ in samples"),
        (lambda t: t.fillna({"output_type_id": "0"}), "a mean has an id"),
    ],
)
def test_a_table_that_breaks_a_rule_is_seen(table, spoil, rule):
    assert rule in broken_rules(spoil(table))


def test_the_file_is_where_a_hub_looks_for_it(tiny_run):
    pattern = r"hubverse/model-output/(\w+-\w+)/\d{4}-\d\d-\d\d-\1\.parquet"
    assert re.fullmatch(pattern, hub_file(tiny_run))


def test_tasks_are_weeks_after_the_origin(table):
    """Draw k receives k + 1 cases on a working day: 5 (k + 1) in each of the two weeks."""
    assert sorted(table["horizon"].unique()) == [1, 2]
    assert (table["target_end_date"] == table["origin_date"] + pd.to_timedelta(7 * table["horizon"], unit="D")).all()
    received = table[(table["target"] == "received") & (table["output_type"] == "sample") & (table["horizon"] == 2)]
    assert received["value"].tolist() == (5.0 * np.arange(1, 11)).tolist()
    levels = table.loc[table["output_type"] == "quantile", "output_type_id"].unique()
    assert [float(level) for level in levels] == list(QUANTILE_LEVELS)


def test_a_sample_is_one_future_in_all_tasks(table):
    """Open cases are backlog plus wip in every sample: draws numbered anew in each task would not add up."""
    samples = table[(table["output_type"] == "sample") & (table["location"] == "office")]
    wide = samples.pivot(index=["output_type_id", "horizon"], columns="target", values="value")
    assert (wide["open"] == wide["backlog"] + wide["wip"]).all()
    assert (wide["backlog"] != wide["backlog"].iloc[0]).any()


def test_groups_that_may_not_be_shown_are_left_out(tiny_run, own_run):
    only_a = hub_table(tiny_run, {("team", "A")})
    assert set(only_a["location"]) == {"office", "team/A"}
    path = own_run.path(f"published/{hub_file(own_run)}")
    assert path in publish(own_run)
    assert broken_rules(pd.read_parquet(path)) == []
