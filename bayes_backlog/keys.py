"""What each stage of a run reads, and the key made of it: a stage is made anew only when what it reads has changed.

A key hashes the data, the sections of the configuration that the stage and those before it read, the code up to the
stage's own layer, and the versions of the libraries. Another horizon leaves the fit alone; another prior does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from types import EllipsisType

from bayes_backlog.config import Config
from bayes_backlog.runs import LAYERS, code_hashes, hash_of, versions

FILES = {"file", "roster", "allocation_history"}
"""Settings that say where data are; what is in them counts, not where they lie."""
FOLD_PREFIX = "backtest "
SCENARIO_PREFIX = "scenario "
NEEDED_PREFIX = "needed "
CALIBRATION_PREFIX = "calibration of "


@dataclass(frozen=True)
class Reads:
    """What a stage reads.

    Attributes
    ----------
    after : str or None
        The stage whose output it reads, and with it what that one read.
    settings : dict
        Sections of the configuration; of each, all settings (`...`) or those named.
    layers : tuple of str
        Whose code decides what it makes.
    """

    after: str | None
    settings: dict[str, set[str] | EllipsisType]
    layers: tuple[str, ...]


def _up_to(layer: str) -> tuple[str, ...]:
    return LAYERS[: LAYERS.index(layer) + 1]


SAMPLER = {"chains", "draws", "tune", "target_accept", "seed"}
INPUT: dict[str, set[str] | EllipsisType] = {"data": ..., "simulate": ..., "calendar": ..., "panel": ...}
FOLD_SETTINGS: dict[str, set[str] | EllipsisType] = INPUT | {
    "model": ...,
    "sampling": {"target_accept", "seed"},
    "staffing": {"annual_leaving_rate", "annual_moving_rate"},
    "backtest": {"rolling_window_days", "horizon_working_days", "chains", "draws", "tune", "baselines", "variants"},
}
READS = {
    "cases": Reads(None, {"data": ..., "simulate": ...}, (*_up_to("cases"), "stages")),
    "panels": Reads(None, INPUT, (*_up_to("panels"), "stages")),
    "fit": Reads("panels", {"model": ..., "sampling": SAMPLER}, (*_up_to("inference"), "stages")),
    "rows": Reads("panels", {"model": ..., "rows": ..., "sampling": SAMPLER}, (*_up_to("inference"), "stages")),
    "check": Reads("fit", {}, (*_up_to("evaluation"), "stages")),
    "forecast": Reads(
        "fit", {"forecast": {"horizon_days", "draws_per_chain"}, "staffing": ...}, (*_up_to("forecasts"), "stages")
    ),
    "uncertainty": Reads("forecast", {}, (*_up_to("forecasts"), "stages")),
    "answers": Reads("forecast", {"forecast": {"backlog_target"}}, (*_up_to("forecasts"), "stages")),
    "backtest": Reads(None, FOLD_SETTINGS | {"backtest": ...}, (*_up_to("evaluation"), "stages")),
}
SCENARIO = Reads("forecast", {}, (*_up_to("forecasts"), "stages"))
# A fold's cutoff is in its name: another list of cutoffs runs only what it adds.
FOLD = Reads(None, FOLD_SETTINGS, _up_to("evaluation"))
CALIBRATION = Reads(
    "panels",
    {
        "model": ...,
        "sampling": {"target_accept", "seed"},
        "backtest": {"chains", "draws", "tune"},
        "forecast": {"horizon_days"},
        "staffing": ...,
    },
    (*_up_to("evaluation"), "stages"),
)
NAMED = {FOLD_PREFIX: FOLD, SCENARIO_PREFIX: SCENARIO, NEEDED_PREFIX: SCENARIO, CALIBRATION_PREFIX: CALIBRATION}
"""What stages read whose names begin like this."""


def scenario_stage(name: str) -> str:
    """Return the name of a scenario among the stages."""
    return f"{SCENARIO_PREFIX}{name}"


def needed_stage(name: str) -> str:
    """Return the name, among the stages, of the staff that a target needs under a scenario."""
    return f"{NEEDED_PREFIX}{name}"


def calibration_stage(n: int) -> str:
    """Return the name, among the stages, of a calibration by so many simulations."""
    return f"{CALIBRATION_PREFIX}{n}"


def fold_stage(cutoff: date) -> str:
    """Return the name of a fold among the stages."""
    return f"{FOLD_PREFIX}{cutoff:%Y-%m-%d}"


@dataclass(frozen=True)
class Keys:
    """The keys of one run's stages.

    Attributes
    ----------
    config : Config
        Of the run.
    data : str
        Hash of the files that were read.
    code, versions : dict of str
        Hash of each layer's source; versions of the libraries.
    """

    config: Config
    data: str
    code: dict[str, str] = field(default_factory=code_hashes)
    versions: dict[str, str] = field(default_factory=versions)

    def of(self, stage: str) -> str:
        """Return the key of a stage of `READS`, fold or scenario; of another name one that nothing was made with."""
        reads = READS.get(stage) or next((of for prefix, of in NAMED.items() if stage.startswith(prefix)), None)
        if reads is None:
            return ""
        before = self.data if reads.after is None else self.of(reads.after)
        chosen = {section: True if names is ... else names for section, names in reads.settings.items()}
        settings = self.config.model_dump(mode="json", include=chosen, exclude={"data": FILES})
        if reads is SCENARIO:
            named = [one for one in self.config.scenarios if one.name == stage.partition(" ")[2]]
            settings["scenario"] = [one.model_dump(mode="json") for one in named]
        return hash_of(stage, before, settings, [self.code[layer] for layer in reads.layers], self.versions)
