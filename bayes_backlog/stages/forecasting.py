"""Stages that look ahead: the forecast, what its uncertainty is made of, and answers to what people ask."""

from __future__ import annotations

from bayes_backlog.forecasts.answers import answers_table
from bayes_backlog.forecasts.naive import naive_backlog
from bayes_backlog.forecasts.periods import period_table
from bayes_backlog.forecasts.queue_age import queue_age_table, queue_order, waiting_cases
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import at_end, cumulative_flow_table, flow_table, stock_table
from bayes_backlog.forecasts.target import target_table
from bayes_backlog.forecasts.uncertainty import uncertainty_split
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.inference.sensitivity import sensitivity_table
from bayes_backlog.models.draws import evenly_spaced
from bayes_backlog.runs import write_dataset, write_table
from bayes_backlog.stages.days_ahead import future_frame
from bayes_backlog.stages.fitting import fitted_draws
from bayes_backlog.stages.workshop import Workshop, make_stage

SENSITIVITY = "model/sensitivity.csv"


def forecast_stage(shop: Workshop, prepared: Prepared) -> None:
    """Roll forward and write draws and tables."""
    config = shop.config

    def make() -> None:
        with shop.bar("Rolling forward") as progress:
            draws = fitted_draws(shop, prepared, config.forecast.draws_per_chain)
            predictions = roll_forward(
                draws,
                future_frame(config, prepared),
                prepared.design,
                prepared.spec,
                config.sampling.seed,
                progress=lambda done, total: progress(done, total, "draws rolled forward"),
            )
        with shop.bar("Writing the forecast") as progress:
            write_dataset(predictions, shop.run.path("forecast/predictions.nc"))
            progress(1, 2, "tables")
            as_of = shop.panels.as_of
            write_table(flow_table(predictions, as_of), shop.run.path("forecast/flows.csv"))
            write_table(cumulative_flow_table(predictions, as_of), shop.run.path("forecast/flows_cumulative.csv"))
            write_table(stock_table(predictions, as_of), shop.run.path("forecast/stocks.csv"))
            write_table(period_table(predictions, "week"), shop.run.path("forecast/weekly.csv"))
            write_table(period_table(predictions, "month"), shop.run.path("forecast/monthly.csv"))
            progress(2, 2, "done")

    names = ("predictions.nc", "flows.csv", "flows_cumulative.csv", "stocks.csv", "weekly.csv", "monthly.csv")
    make_stage(shop, "forecast", tuple(f"forecast/{name}" for name in names), make)


def uncertainty_stage(shop: Workshop, prepared: Prepared) -> None:
    """Split the variance of the forecast by what is random in it."""
    config = shop.config

    def make() -> None:
        with shop.bar("Splitting the uncertainty") as progress:
            table = uncertainty_split(
                fitted_draws(shop, prepared, config.forecast.draws_per_chain),
                future_frame(config, prepared),
                prepared.design,
                prepared.spec,
                config.sampling.seed,
                progress=lambda done, total: progress(done, total, "futures rolled forward"),
            )
            numbers = list(table.select_dtypes("number"))
            write_table(table.round(dict.fromkeys(numbers, 4)), shop.run.path("forecast/uncertainty.csv"))

    make_stage(shop, "uncertainty", ("forecast/uncertainty.csv",), make)


def answers_stage(shop: Workshop, prepared: Prepared) -> None:
    """Answer from the draws what people ask: the target, the age of the queue, the pace of work."""
    config, panels = shop.config.forecast, prepared.panels
    as_of = panels.as_of

    def make() -> None:
        with shop.bar("Answering questions") as progress:
            progress(0, 3, "target and pace")
            predictions = shop.run.dataset("forecast/predictions.nc")
            frame = future_frame(shop.config, prepared)
            target = target_table(predictions, as_of, config.backlog_target)
            tables = {
                "target": target,
                "answers": answers_table(predictions, frame, as_of, target, shop.config.sampling.seed),
                "naive": naive_backlog(panels, frame.all_dates, shop.config.calendar, shop.config.sampling.seed),
            }
            progress(1, 3, "age of the queue")
            tables |= {
                "queue_age": queue_age_table(predictions, waiting_cases(panels.events, as_of), as_of),
                "queue_order": queue_order(panels.events, as_of, config.horizon_days),
            }
            for name, table in tables.items():
                write_table(table, shop.run.path(f"forecast/{name}.csv"))
            progress(2, 3, "sensitivity to priors")
            prior = shop.run.tree("model/posterior.nc")["log_prior"].to_dataset()
            prior = prior.isel(draw=evenly_spaced(prior.sizes["draw"], config.draws_per_chain))
            write_table(sensitivity_table(at_end(predictions), prior), shop.run.path(SENSITIVITY))
            progress(3, 3, "done")

    names = ("target", "answers", "naive", "queue_age", "queue_order")
    artefacts = tuple(f"forecast/{name}.csv" for name in names)
    make_stage(shop, "answers", (*artefacts, SENSITIVITY), make)
