"""Every column, dimension, flow and stock of the package, with its unit and one-line meaning.

The glossary page is rendered from this table, the case reader takes its canonical columns from it, and the
aggregators ask it whether a column is a flow (sums over time), a stock (last value of a period) or neither (refused).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bayes_backlog.errors import DataError, nearest

Kind = Literal["flow", "stock", "milestone", "event", "attribute", "key", "covariate", "statistic"]


@dataclass(frozen=True)
class Term:
    """One word of the package.

    Attributes
    ----------
    name : str
        The column, dimension or quantity as written in code and artefacts.
    kind : str
        How it behaves; only flows and stocks can be aggregated over time.
    unit : str
        Unit of one value, or "" for labels.
    meaning : str
        One line for the glossary.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str


TERMS: tuple[Term, ...] = (
    # keys and labels
    Term("source_row", "key", "", "1-based data row of the source file"),
    Term("case_id", "key", "", "keyed pseudonym of the case"),
    Term("investigator", "key", "", "keyed pseudonym of the person the case is allocated to"),
    Term("team", "key", "", "team of the investigator; a person may change team"),
    Term("role", "key", "", "role or grade of the investigator"),
    Term("date", "key", "day", "calendar day"),
    Term("level", "key", "", "level of aggregation: office, team, role or investigator"),
    Term("unit", "key", "", "which member of the level, for example the team's name"),
    Term("as_of", "key", "day", "last date the data may show, inclusive"),
    Term("cutoff", "key", "day", "as_of of one backtest fold: everything after it is kept from the model"),
    Term("target_date", "key", "day", "day a forecast speaks of"),
    Term("horizon_days", "key", "days", "target_date minus cutoff, in calendar days"),
    Term("horizon_working_days", "key", "working days", "working days from the cutoff to target_date"),
    Term("model", "key", "", "who forecast: this package's model, or a baseline"),
    Term("quantity", "key", "", "what was forecast: a flow summed over the days in question, or a stock at their end"),
    Term("flow", "key", "", "which flow, cases per day"),
    Term("stock", "key", "", "which stock, cases at the close of the day"),
    Term("first_date", "key", "day", "first day of a spell or period, inclusive"),
    Term("last_date", "key", "day", "last day of a spell or period, inclusive; missing = still here"),
    Term("start_date", "key", "day", "a person's first day in the office; missing = before the log began"),
    Term("event", "key", "", "what happened to a case: a flow, or another milestone"),
    Term("week_ending", "key", "day", "Sunday that ends the week"),
    Term("measure", "key", "", "what was measured of the queue: a share that waits long, or an age in days"),
    Term("question", "key", "", "what was asked: met_by, met_for_good (by when?) or starts_per_fte_day"),
    Term("moved_on", "key", "day", "first day on which somebody sits in another team in a draw; missing = stays"),
    Term("moved_to", "key", "", "number, from 0, of the team among the forecast's places in which somebody sits then"),
    Term("place", "key", "", "a team in which somebody may sit in the forecast"),
    Term("error", "key", "", "kind of error for which a fold of the backtest has no scores"),
    Term("message", "key", "", "what was found, in words"),
    # milestones of a case
    Term("dt_received_opg", "milestone", "day", "case received by the organisation"),
    Term("dt_received_inv", "milestone", "day", "case received by the investigating office: it enters the queue"),
    Term("dt_alloc_team", "milestone", "day", "case allocated to a team"),
    Term("dt_alloc_invest", "milestone", "day", "case allocated to an investigator: it leaves the queue"),
    Term("dt_pg_signoff", "milestone", "day", "investigation signed off"),
    Term("dt_close", "milestone", "day", "case closed"),
    Term("dt_legal_req_1", "milestone", "day", "first request for legal review"),
    Term("dt_legal_req_2", "milestone", "day", "second request for legal review"),
    Term("dt_legal_req_3", "milestone", "day", "third request for legal review"),
    Term("dt_legal_rej_1", "milestone", "day", "first rejection by legal review"),
    Term("dt_legal_rej_2", "milestone", "day", "second rejection by legal review"),
    Term("dt_legal_approval", "milestone", "day", "legal review approved"),
    Term("dt_sent_to_ca", "milestone", "day", "case sent to the court team"),
    Term("dt_date_of_order", "milestone", "day", "court order made"),
    Term("dt_flagged", "milestone", "day", "case flagged"),
    Term("dt_hold_from", "milestone", "day", "case put on hold, where it still is"),
    # events that are no flow
    Term("received_by_organisation", "event", "", "the organisation received the case, before the office did"),
    Term("team_allocated", "event", "", "the case was given to a team; it still waits for an investigator"),
    Term("legal_rejected", "event", "", "legal review sent the case back"),
    Term("flagged", "event", "", "the case was flagged"),
    Term("put_on_hold", "event", "", "the case was put on hold, where it still is"),
    # attributes of a case
    Term("fte", "attribute", "FTE", "full-time equivalent of the investigator"),
    Term("weighting", "attribute", "", "complexity weight of the case"),
    Term("case_type", "attribute", "", "type of case"),
    Term("concern_type", "attribute", "", "type of concern raised"),
    Term("risk", "attribute", "", "risk rating"),
    Term("status", "attribute", "", "status at the extract: never a covariate of the past"),
    Term("is_reallocated", "attribute", "", "whether the case changed investigator"),
    # flows, per day
    Term("received", "flow", "cases", "cases received into the queue"),
    Term("allocated", "flow", "cases", "cases allocated to an investigator"),
    Term("removed", "flow", "cases", "cases that left the queue without being allocated"),
    Term("signed_off", "flow", "cases", "allocated cases whose investigation ended: sign-off, or closure without one"),
    Term("closed", "flow", "cases", "cases closed"),
    Term("legal_requested", "flow", "cases", "requests for legal review"),
    Term("taken_over", "flow", "cases", "cases taken over from a colleague; known only from an allocation history"),
    Term("handed_over", "flow", "cases", "cases handed over to a colleague; known only from an allocation history"),
    Term("legal_approved", "flow", "cases", "cases that legal review approved"),
    Term("sent_to_court_team", "flow", "cases", "cases sent to the court team"),
    Term("court_order", "flow", "cases", "orders made by the court"),
    # stocks, end of day
    Term("backlog", "stock", "cases", "received, not yet allocated or removed"),
    Term("wip", "stock", "cases", "work in progress: allocated, not yet signed off or closed"),
    Term("open", "stock", "cases", "backlog plus wip"),
    # covariates of the daily panel
    Term("exposure", "covariate", "FTE", "full-time equivalents available that day; its log is the offset"),
    Term("wip_prev", "covariate", "cases", "wip of the investigator at the previous close of day"),
    Term(
        "wip_load_prev", "covariate", "weight per FTE", "sum of weighting / fte over open cases at the previous close"
    ),
    Term("backlog_prev", "covariate", "cases", "office backlog at the previous close of day"),
    Term(
        "days_since_last_allocation", "covariate", "working days", "since the last allocation, as of the previous close"
    ),
    Term("weeks_since_start", "covariate", "weeks", "whole weeks since the investigator's first day"),
    Term("is_new_starter", "covariate", "", "fewer than four weeks since a start that the data show"),
    Term("weekday", "covariate", "", "0 = Monday ... 6 = Sunday"),
    Term("working_days_to_month_end", "covariate", "working days", "0 on the last working day of the month"),
    Term("working_days_from_month_start", "covariate", "working days", "0 on the first working day of the month"),
    Term("days_from_holiday", "covariate", "working days", "working days since the last bank holiday, capped"),
    Term("days_to_holiday", "covariate", "working days", "working days until the next bank holiday, capped"),
    Term("is_bank_holiday", "covariate", "", "whether the day is a bank holiday"),
    Term("is_christmas_weeks", "covariate", "", "20 December to 4 January"),
    Term("is_school_term", "covariate", "", "whether schools are in term"),
    Term("season", "covariate", "", "winter (Dec-Feb), spring, summer or autumn"),
    Term("week", "covariate", "day", "Monday of the week"),
    Term("is_working_day", "covariate", "", "Monday to Friday, and no bank holiday"),
    Term("sin_k", "covariate", "", "annual wave k, sine; its column is sin_1 for one wave a year, and so on"),
    Term("cos_k", "covariate", "", "annual wave k, cosine; its column is cos_1 for one wave a year, and so on"),
    # priors and what they imply
    Term("prior", "key", "", "name of a prior in the specification"),
    Term("parameter", "key", "", "name of what is estimated, as in the posterior"),
    Term("distribution", "key", "", "distribution on the model's own scale"),
    Term("scale", "key", "", "what the numbers of the line are, in words: a rate, a rate ratio, a share"),
    Term("reason", "key", "", "why a number was chosen, or why a value could not be used"),
    Term("ordinary_low", "statistic", "", "lower end of what ordinary offices do: a prior must not rule it out"),
    Term("ordinary_high", "statistic", "", "upper end of what ordinary offices do"),
    Term("plausible_low", "statistic", "", "lower end of what any office could do: little of a prior lies beyond it"),
    Term("plausible_high", "statistic", "", "upper end of what any office could do"),
    Term("share_beyond", "statistic", "", "share of prior draws outside the plausible range"),
    Term(
        "sensitivity",
        "statistic",
        "",
        "how far a distribution moves when a prior is made twice as strong, by power scaling",
    ),
    Term("weaker", "statistic", "", "median with a prior to the power of 0.8"),
    Term("stronger", "statistic", "", "median with a prior to the power of 1.25"),
    # statistics of forecasts and scores
    Term("observed", "statistic", "cases", "what happened"),
    Term("predicted", "statistic", "cases", "what was forecast"),
    Term("prob", "statistic", "", "probability of an interval, or asked for (0.5, 0.8, 0.9)"),
    Term(
        "component",
        "key",
        "",
        "what is random: parameters, inflow, staff, level, week, day, counts; or their interaction",
    ),
    Term("share", "statistic", "", "part of a forecast's variance that a component explains alone"),
    Term("share_total", "statistic", "", "the same with all that it explains together with others"),
    Term("standard_error", "statistic", "", "Monte-Carlo standard error of the share"),
    Term("run_id", "key", "", "which run, by a hash of what it was made from"),
    Term("pit", "statistic", "", "place of what was observed among what was expected; ties are shared or broken"),
    Term("pareto_k", "statistic", "", "how hard leaving a total out pulls at the draws; more than 0.7 is too hard"),
    Term(
        "cusum_up",
        "statistic",
        "",
        "running sum of what weekly z-scores exceed one half by",
    ),
    Term("cusum_down", "statistic", "", "the same of z-scores below minus one half"),
    Term("limit", "statistic", "", "what one in twenty futures of the forecast reaches in a running sum"),
    Term("is_alarm", "statistic", "", "whether a running sum has passed the limit"),
    Term("target", "statistic", "cases", "the backlog that the office wants to be below"),
    Term("met", "statistic", "", "probability that the backlog is below the target at that close"),
    Term("met_by", "statistic", "", "probability that it is, or was at an earlier close of the forecast"),
    Term("met_for_good", "statistic", "", "probability that it is, and stays so at every later close of the forecast"),
    Term("met_with", "statistic", "", "probability that the target is met with so many more FTE"),
    Term("met_without", "statistic", "", "probability that the target is met with no more FTE"),
    Term("at_most", "statistic", "cases", "the stock that a question about staff asks for"),
    Term("fte_lower", "statistic", "FTE", "lower end of the 90 % Monte-Carlo interval of the FTE needed"),
    Term("fte_upper", "statistic", "FTE", "upper end of the 90 % Monte-Carlo interval of the FTE needed"),
    Term("most_tried", "statistic", "FTE", "so many more were tried at most; an infinite answer stands for more"),
    Term("overtime", "statistic", "", "share that everybody's FTE is assumed to grow by"),
    Term("inflow", "statistic", "", "share that received cases are assumed to grow by"),
    Term("p_lower", "statistic", "", "probability that the scenario's is lower than the forecast's"),
    Term("p_higher", "statistic", "", "probability that the scenario's is higher than the forecast's"),
    Term("starts_per_fte_day", "statistic", "cases per FTE-day", "cases allocated over FTE-days, from the cutoff on"),
    Term("share_over_30", "statistic", "", "share of the waiting cases received more than 30 days before"),
    Term("share_over_60", "statistic", "", "share of the waiting cases received more than 60 days before"),
    Term("share_over_90", "statistic", "", "share of the waiting cases received more than 90 days before"),
    Term("median_age", "statistic", "days", "age that half of the waiting cases do not exceed"),
    Term("p90_age", "statistic", "days", "age that nine tenths of the waiting cases do not exceed"),
    Term("oldest_age", "statistic", "days", "age of the case that has waited longest"),
    Term("quantile_level", "statistic", "", "level of a forecast quantile"),
    Term("mean", "statistic", "cases", "mean of the draws"),
    Term("dispersion", "statistic", "", "alpha of var = mu + mu^2 / alpha (larger is nearer Poisson)"),
    Term("crps", "statistic", "cases", "continuous ranked probability score, fair ensemble version; lower is better"),
    Term("crps_log", "statistic", "", "the same of log(1 + cases): errors in proportion"),
    Term("wis", "statistic", "cases", "weighted interval score; lower is better"),
    Term("wis_dispersion", "statistic", "cases", "part of wis: how wide the forecast was"),
    Term("wis_overprediction", "statistic", "cases", "part of wis: the forecast was too high"),
    Term("wis_underprediction", "statistic", "cases", "part of wis: the forecast was too low"),
    Term("log_score", "statistic", "", "minus the log probability that the forecast gave to what happened"),
    Term("pit_low", "statistic", "", "probability that the forecast gave to less than what happened"),
    Term("pit_high", "statistic", "", "probability that the forecast gave to what happened or less"),
    Term("energy_score", "statistic", "cases", "crps of the office's whole path, week by week; lower is better"),
    Term("variogram_score", "statistic", "cases", "how wrong the spread between weeks of a path is; lower is better"),
    Term("coverage_50", "statistic", "", "share of observations inside the 50 % prediction interval"),
    Term("coverage_80", "statistic", "", "share of observations inside the 80 % prediction interval"),
    Term("coverage_90", "statistic", "", "share of observations inside the 90 % prediction interval"),
    Term("width_90", "statistic", "cases", "width of the 90 % prediction interval"),
    Term("bias", "statistic", "cases", "mean of the draws minus what was observed"),
    Term("n_days", "statistic", "days", "calendar days of a period that the table has"),
    Term("n_staff", "statistic", "", "different people present in a period"),
    Term("n_folds", "statistic", "", "number of cutoffs"),
    Term("n_independent", "statistic", "", "number of cutoffs whose horizons do not overlap"),
    Term("best_baseline", "statistic", "", "baseline with the lowest crps"),
    Term("rival", "key", "", "whom a model is compared with: a baseline, or the reference model"),
    Term("crps_rival", "statistic", "cases", "the rival's crps on the same units"),
    Term("skill", "statistic", "", "1 minus crps over the rival's crps; above 0 is better"),
    Term("skill_low", "statistic", "", "lower end of the skill's 90 % interval, by a block bootstrap over origins"),
    Term("skill_high", "statistic", "", "upper end of the skill's 90 % interval"),
    Term("win_rate", "statistic", "", "share of folds with a lower crps than the rival's; a tie is half a win"),
    Term("p_value", "statistic", "", "of no difference in crps, signs flipped over origins that do not overlap"),
    Term("coverage_50_low", "statistic", "", "least coverage_50 that chance lets a calibrated forecast show"),
    Term("coverage_50_high", "statistic", "", "most coverage_50 that chance lets a calibrated forecast show"),
    Term("coverage_80_low", "statistic", "", "least coverage_80 that chance lets a calibrated forecast show"),
    Term("coverage_80_high", "statistic", "", "most coverage_80 that chance lets a calibrated forecast show"),
    Term("coverage_90_low", "statistic", "", "least coverage_90 that chance lets a calibrated forecast show"),
    Term("coverage_90_high", "statistic", "", "most coverage_90 that chance lets a calibrated forecast show"),
    Term("skill_vs_best_baseline", "statistic", "", "1 minus crps over the best baseline's crps; above 0 is better"),
)

BY_NAME: dict[str, Term] = {term.name: term for term in TERMS}

FLOWS: tuple[str, ...] = tuple(t.name for t in TERMS if t.kind == "flow")
STOCKS: tuple[str, ...] = tuple(t.name for t in TERMS if t.kind == "stock")
MILESTONES: tuple[str, ...] = tuple(t.name for t in TERMS if t.kind == "milestone")
ATTRIBUTES: tuple[str, ...] = tuple(t.name for t in TERMS if t.kind == "attribute")

FURTHER_FLOWS: dict[str, tuple[str, ...]] = {
    "closed": ("dt_close",),
    "legal_requested": ("dt_legal_req_1", "dt_legal_req_2", "dt_legal_req_3"),
    "legal_approved": ("dt_legal_approval",),
    "sent_to_court_team": ("dt_sent_to_ca",),
    "court_order": ("dt_date_of_order",),
}
"""Flows that change no stock, and the milestones that they count: forecast where the data have enough of them."""
DEFAULT_FURTHER_FLOWS: tuple[str, ...] = ("legal_requested", "legal_approved", "sent_to_court_team", "court_order")
"""Those wanted unless told otherwise; closures, which mostly follow sign-offs, are forecast where asked for."""

LEVELS: tuple[str, ...] = ("office", "team", "role", "investigator")
OFFICE = "office"
NO_TEAM = "(none)"
"""Unit of cases without a team, so that team totals still add up to the office."""

QUANTILE_LEVELS: tuple[float, ...] = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
PROBS: tuple[float, ...] = (0.5, 0.8, 0.9)

MODEL = "bayes_backlog"
"""The default model's name in the column `model` of backtest tables."""

BASELINES: dict[str, str] = {
    "seasonal_naive_weekday": "the last week repeated, with the errors that made before",
    "last_quarter": "the last quarter repeated, with the errors that made before",
    "same_quarter_last_year": "the same quarter of last year repeated, with the errors that made before",
    "bootstrap_13_weeks": "repeating weeks of the last quarter",
    "random_walk_with_drift": "stocks going on as over the last year, with changes as large as before",
    "poisson": "independent Poisson days by weekday and month end",
    "negative_binomial": "independent negative binomial days by weekday and month end",
    "poisson_per_investigator": "the Poisson days of every investigator, added up",
    "negative_binomial_per_investigator": "the negative binomial days of every investigator, added up",
    "exponential_smoothing": "exponential smoothing of weekly totals",
    "conjugate_backlog": "the conjugate regression of the backlog's daily changes",
    "gamma_poisson_pickups": "Gamma-Poisson allocations of every investigator, unpooled",
    "lightgbm_quantiles": "LightGBM's quantile regression",
    "prophet": "Prophet",
}
"""Simple forecasts that a model must beat, by name, in words that follow "better than"."""
DEFAULT_BASELINES: tuple[str, ...] = (
    "seasonal_naive_weekday",
    "last_quarter",
    "same_quarter_last_year",
    "bootstrap_13_weeks",
    "random_walk_with_drift",
    "negative_binomial",
)
"""Those that take next to no time."""


def quantile_column(level: float) -> str:
    """Return the column name of a quantile, for example 0.05 -> 'q05'."""
    return f"q{round(level * 100):02d}"


def time_aggregation(column: str) -> Literal["sum", "last"]:
    """Return how a column aggregates over time: flows sum, stocks take the last value.

    Raises
    ------
    DataError
        When the column is neither: a sum of levels or a mean of labels has no meaning.
    """
    term = BY_NAME.get(column)
    if term is None:
        raise DataError(f"'{column}' is not in the vocabulary, so it cannot be aggregated. {nearest(column, BY_NAME)}")
    if term.kind == "flow":
        return "sum"
    if term.kind == "stock":
        return "last"
    raise DataError(
        f"'{column}' is a {term.kind}, neither a flow nor a stock: summing it over time would mean nothing. "
        f"Aggregate one of {', '.join(FLOWS + STOCKS)}."
    )
