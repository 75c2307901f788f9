"""The study of skill: forecasts of the past from many cutoffs, scored and tabled beside baselines and variants.

    python analyses/backtest_study.py [CONFIG ...] --results results [--workers 2] [--scheduler tcp://HOST:PORT]

By default sixteen quarter ends of the embedded office and of a real log, `configs/demo_quarters.yaml` and
`configs/ipra_quarters.yaml`; `configs/ipra_parts.yaml` asks which parts of the model earn their place. Each is what
`bayes-backlog backtest CONFIG` does, so a study that was stopped continues; then `backtest/study.md` in the run's
folder gets one line a quantity and level: every model's mean CRPS, its coverage of the 90 % interval, and that
interval's width over the mean of what happened, lowest CRPS first. Variants of the model have a table of their own.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

import pandas as pd

from bayes_backlog.cli import app
from bayes_backlog.config import load_config
from bayes_backlog.errors import BacklogError, FoldsFailed
from bayes_backlog.runs import Run, write_text
from bayes_backlog.vocabulary import BASELINES, MODEL

CONFIGS = [Path(__file__).parents[1] / "configs" / name for name in ("demo_quarters.yaml", "ipra_quarters.yaml")]
LEVELS = ("office", "team")


def study_table(scores: pd.DataFrame, level: str) -> pd.DataFrame:
    """Return the models side by side at the longest horizon.

    Parameters
    ----------
    scores : DataFrame
        Rows of backtest/scores.csv.
    level : str
        One of `LEVELS`.

    Returns
    -------
    DataFrame
        quantity, this package's figures, the best rival's name and figures, the skill against it (1 - crps / its
        crps), and the other rivals in order.
    """
    longest = scores["horizon_working_days"].max()
    rows = scores[(scores["level"] == level) & (scores["horizon_working_days"] == longest)]
    means = rows.groupby(["quantity", "model"])[["crps", "coverage_90", "width_90", "observed"]].mean()
    table = []
    for quantity in rows["quantity"].unique():
        found = means.loc[quantity].sort_values("crps")
        rivals = found[found.index.isin(BASELINES)]
        skill = 1 - found.at[MODEL, "crps"] / rivals["crps"].iloc[0]
        told = [f"{name} {_figures(row)}" for name, row in rivals.iterrows()]
        table.append((quantity, _figures(found.loc[MODEL]), told[0], f"{skill:+.0%}", ", ".join(told[1:])))
    return pd.DataFrame(table, columns=["quantity", MODEL, "best baseline", "skill", "other baselines"])


def parts_table(skill: pd.DataFrame, level: str) -> pd.DataFrame:
    """Return this package's model and its variants side by side at the longest horizon, by quantity.

    Parameters
    ----------
    skill : DataFrame
        Rows of backtest/skill.csv.
    level : str
        One of `LEVELS`.

    Returns
    -------
    DataFrame
        quantity; mean CRPS of the model; and for each variant its own, with its skill against the model and the 90 %
        interval of that: below 0 where the model is the better for being as it is.
    """
    longest = skill["horizon_working_days"].max()
    rows = skill[(skill["rival"] == MODEL) & (skill["level"] == level) & (skill["horizon_working_days"] == longest)]
    told = [
        f"{row.crps:.1f}, {row.skill:+.0%} ({row.skill_low:+.0%} to {row.skill_high:+.0%})" for row in rows.itertuples()
    ]
    table = rows.assign(told=told).pivot(index="quantity", columns="model", values="told")
    own = rows.groupby("quantity")["crps_rival"].first().map("{:.1f}".format)
    columns = list(rows["model"].unique())
    return table[columns].assign(**{MODEL: own})[[MODEL, *columns]].loc[rows["quantity"].unique()].reset_index()


def _figures(row: pd.Series) -> str:
    return f"{row['crps']:.1f} ({row['coverage_90']:.2f}; {row['width_90'] / row['observed']:.2f})"


def main() -> None:
    """Run the studies and write their tables."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="*", type=Path, default=CONFIGS)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--workers")
    parser.add_argument("--scheduler")
    given = parser.parse_args()
    where = [f"--{name}={value}" for name in ("workers", "scheduler") if (value := getattr(given, name))]
    for config in given.configs:
        try:
            app(["backtest", str(config), f"--results={given.results}", *where], standalone_mode=False)
        except FoldsFailed as error:
            print(error)
        settings = load_config(config)
        run = Run(given.results / settings.name)
        scores, skill = run.table("backtest/scores.csv"), run.table("backtest/skill.csv")
        parts = [
            f"# {settings.title}",
            f"{scores['cutoff'].nunique()} cutoffs: mean CRPS (coverage of 90 %; width / truth).",
        ]
        for level in LEVELS:
            parts += [f"## {level.capitalize()}", study_table(scores, level).to_markdown(index=False)]
            if settings.backtest.variants:
                parts += ["### Variants of the model", parts_table(skill, level).to_markdown(index=False)]
        write_text("\n\n".join(parts) + "\n", run.path("backtest/study.md"))
        print(run.text("backtest/study.md"))


if __name__ == "__main__":
    try:
        main()
    except BacklogError as error:
        sys.exit(str(error))
