"""Nothing after the cutoff reaches a fold: poisoning the future changes no bit of what its model and baselines get.

The checks are themselves checked: each way of letting the future in, small ones too, must turn them red.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.cases.case_log import CaseLog, truncate
from bayes_backlog.cases.contract import milestone_columns
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.config import Backtest, Config
from bayes_backlog.evaluation.backtest import baselines, days_ahead, known_past
from bayes_backlog.evaluation.folds import Fold, rolling_folds
from bayes_backlog.forecasts.future import build_future_frame
from bayes_backlog.inference.fit import Prepared, prepare
from bayes_backlog.panels import build_panels
from bayes_backlog.panels.presence import infer_roster
from bayes_backlog.panels.roster import read_roster, roster_as_of

CUTOFFS = ["2024-02-29", "2024-03-31"]  # a working day; a Sunday, on which days off have gathered


@dataclass(frozen=True)
class World:
    """What is known today: the log and, where there is one, the roster file."""

    log: CaseLog
    roster: pd.DataFrame | None


Past = Callable[[World, Config, pd.Timestamp], Prepared]


def honest(world: World, config: Config, cutoff: pd.Timestamp) -> Prepared:
    return known_past(world.log, world.roster, config, cutoff)


def presence_of_today(world: World, config: Config, cutoff: pd.Timestamp) -> Prepared:
    """Leaks who will be active later: presence is inferred from the whole log."""
    roster = infer_roster(world.log.cases, world.log.as_of, panel=config.panel, calendar=config.calendar)
    return prepare(build_panels(truncate(world.log, cutoff), config, roster_as_of(roster, cutoff)), config.model)


def roster_of_today(world: World, config: Config, cutoff: pd.Timestamp) -> Prepared:
    """Leaks who will leave and join: the roster file is used as it stands."""
    return prepare(build_panels(truncate(world.log, cutoff), config, world.roster), config.model)


def one_day_more(world: World, config: Config, cutoff: pd.Timestamp) -> Prepared:
    """Leaks a single day, as a cutoff that is not inclusive would."""
    return known_past(world.log, world.roster, config, cutoff + pd.Timedelta(days=1))


def poisoned(world: World, cutoff: pd.Timestamp, seed: int) -> World:
    """Return a world with the same past and quite another future."""
    rng = np.random.default_rng(seed)
    cases = world.log.cases.copy()
    n, new = len(cases), pd.Series(rng.random(len(cases)) < 0.5, cases.index)
    allocated = cases["dt_alloc_invest"] <= cutoff
    in_team = allocated | (cases["dt_alloc_team"] <= cutoff)
    cases["dt_received_inv"] = cases["dt_received_inv"].where(
        cases["dt_received_inv"] <= cutoff, days_after(cutoff, n, rng)
    )
    for name in set(milestone_columns(cases)) - {"dt_received_inv"}:
        happened = cases[name] <= cutoff
        cases[name] = cases[name].where(happened, days_after(cutoff, n, rng).where(new))
    cases["investigator"] = cases["investigator"].where(allocated, "P_newcomer")
    cases["role"] = cases["role"].where(allocated, "SEO")
    cases["fte"] = cases["fte"].where(allocated, 0.1)
    cases["team"] = cases["team"].where(in_team, "New team")
    cases["status"], cases["is_reallocated"] = "Closed", new
    later = cases[cases["dt_received_inv"] > cutoff]
    cases = pd.concat([cases, later.assign(case_id=later["case_id"] + "x")]).reset_index(drop=True)
    cases["source_row"] = np.arange(1, len(cases) + 1)
    as_of = max(world.log.as_of, cases[milestone_columns(cases)].max().max())
    roster = None if world.roster is None else poisoned_roster(world.roster, cutoff)
    return World(replace(world.log, cases=cases, as_of=as_of), roster)


def poisoned_roster(roster: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Everybody who is there at the cutoff leaves the next day; a stranger joins."""
    known = roster_as_of(roster, cutoff)
    leaves = known["last_date"].fillna(cutoff + pd.Timedelta(days=1))
    stranger = known.iloc[:1].assign(
        investigator="P_stranger", team="New team", first_date=cutoff + pd.Timedelta(days=2), last_date=pd.NaT
    )
    stranger["start_date"] = stranger["first_date"]
    return pd.concat([known.assign(last_date=leaves), stranger], ignore_index=True)


def days_after(cutoff: pd.Timestamp, n: int, rng: np.random.Generator) -> pd.Series:
    return pd.Series(cutoff + pd.to_timedelta(rng.integers(1, 90, n), unit="D")).astype("datetime64[us]")


def bits(value: Any, name: str = "") -> dict[str, tuple[str, bytes]]:
    """Everything a value holds, by name, as type and bytes."""
    if is_dataclass(value):
        return {k: v for f in fields(value) for k, v in bits(getattr(value, f.name), f"{name}.{f.name}").items()}
    if isinstance(value, dict):
        return {k: v for key, part in value.items() for k, v in bits(part, f"{name}[{key}]").items()}
    if isinstance(value, pd.DataFrame):
        return {k: v for column in value for k, v in bits(value[column], f"{name}[{column}]").items()}
    array = np.asarray(value)
    # Of objects an array holds where they lie in memory, not what they are.
    content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
    return {name: (f"{array.dtype} {array.shape}", content)}


def seen(past: Past, world: World, config: Config, fold: Fold) -> dict[str, tuple[str, bytes]]:
    """What model and baselines of a fold are given."""
    known = past(world, config, fold.cutoff)
    frame = build_future_frame(known.panels, known.design, known.spec, config.calendar, fold.horizon_days)
    days = days_ahead(fold, config)
    # Baselines refuse to forecast a known day outright, which would hide what else a leak changes.
    rivals, _ = baselines(known.panels, days[days > known.panels.as_of], config)
    drawn = {f"{rival.model}/{'/'.join(found.key)}": found.draws for rival in rivals for found in rival.units}
    return bits(known.design, "design") | bits(frame, "frame") | bits(drawn, "baseline")


@pytest.fixture(scope="module")
def inferred(small_log: CaseLog) -> World:
    return World(small_log, None)


@pytest.fixture(scope="module")
def with_roster(small_log: CaseLog, small_config: Config) -> World:
    assert small_config.data.file is not None
    return World(small_log, read_roster(small_config.data.file.parent / "roster.csv", Key.for_synthetic_data()))


def fold_at(cutoff: str, config: Config, log: CaseLog) -> Fold:
    backtest = Backtest(n_folds=1, last_cutoff=pd.Timestamp(cutoff).date())
    first_date = log.cases["dt_received_inv"].min()
    return rolling_folds(backtest, config.calendar, first_date, log.as_of)[0]


def changed(past: Past, world: World, config: Config, cutoff: str, seed: int = 1) -> list[str]:
    """Names of what a poisoned future changes."""
    fold = fold_at(cutoff, config, world.log)
    clean = seen(past, world, config, fold)
    dirty = seen(past, poisoned(world, fold.cutoff, seed), config, fold)
    return sorted(name for name in clean.keys() | dirty.keys() if clean.get(name) != dirty.get(name))


@pytest.mark.parametrize("cutoff", CUTOFFS)
@pytest.mark.parametrize("world", ["inferred", "with_roster"])
def test_no_bit_of_a_fold_depends_on_the_future(
    world: str, cutoff: str, small_config: Config, request: pytest.FixtureRequest
) -> None:
    assert changed(honest, request.getfixturevalue(world), small_config, cutoff) == []


def test_the_poison_reaches_everything_it_may(inferred: World) -> None:
    """A poison that changed little would prove little."""
    cutoff = pd.Timestamp(CUTOFFS[0])
    clean, dirty = inferred.log.cases, poisoned(inferred, cutoff, 1).log.cases
    both = clean.merge(dirty, on="case_id", suffixes=("", "_new"))
    later = both["dt_received_inv"] > cutoff
    assert later.mean() > 0.2
    for name in ("dt_alloc_invest", "dt_pg_signoff", "dt_close", "investigator", "team", "role", "fte", "status"):
        differs = both[name].ne(both[f"{name}_new"]) & (both[name].notna() | both[f"{name}_new"].notna())
        assert differs[later].mean() > 0.4, name
        assert differs[~later].any(), name
    pd.testing.assert_frame_equal(
        truncate(inferred.log, cutoff).cases.drop(columns="source_row"),
        truncate(poisoned(inferred, cutoff, 1).log, cutoff).cases.drop(columns="source_row"),
    )


@pytest.mark.parametrize(
    ("leak", "world"),
    [
        (presence_of_today, "inferred"),
        (roster_of_today, "with_roster"),
        (one_day_more, "inferred"),
        (one_day_more, "with_roster"),
    ],
)
def test_a_leak_turns_the_check_red(
    leak: Past, world: str, small_config: Config, request: pytest.FixtureRequest
) -> None:
    assert changed(leak, request.getfixturevalue(world), small_config, CUTOFFS[0]) != []
