"""The configuration of one office or study: `configs/*.yaml` as typed, immutable values.

Unknown keys are refused with the nearest known name, and every problem of a file is reported at once. A key that stands
twice, aliases by the dozen and tags that build objects are refused before anything is interpreted.
Nothing here reads data: a configuration that loads is well formed, not yet true.
"""

from __future__ import annotations

import re
import types
import typing
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from bayes_backlog.assumptions import Scenario, Staffing
from bayes_backlog.errors import ConfigError, nearest
from bayes_backlog.sections import Period, Section, refuse_disorder
from bayes_backlog.vocabulary import (
    ATTRIBUTES,
    BASELINES,
    DEFAULT_BASELINES,
    DEFAULT_FURTHER_FLOWS,
    FURTHER_FLOWS,
    MILESTONES,
    MODEL,
)

NAME = r"^[a-z0-9][a-z0-9_-]{0,40}$"
MAX_CONFIG_BYTES = 200_000
MAX_ALIASES = 8
"""A few repeated values are a convenience; many can stand for billions (each of an alias's own aliases multiplies)."""
PLAIN_WORDS = {
    "missing": "is required",
    "model_type": "needs settings below it; remove the key to use the defaults",
    "invalid_key": "is read as a number or as yes/no, not as a name; put it in quotes",
    "date_parsing": "must be a day written year-month-day, such as 2025-06-30",
    "date_from_datetime_parsing": "must be a day written year-month-day, such as 2025-06-30",
    "finite_number": "must be a finite number",
    "string_pattern_mismatch": "may hold lower-case letters, digits, - and _, at most 41, a letter or digit first",
}
"""What to say in place of the validator's own words."""
CANONICAL_COLUMNS = ("case_id", "investigator", "team", "role", *ATTRIBUTES, *MILESTONES)


class Simulate(Period):
    """Size and seed of the embedded office; the effects themselves are `cases.synthetic.Truth`."""

    seed: int = 20240101
    first_date: date = date(2023, 1, 2)
    last_date: date = date(2025, 6, 30)
    future_days: Annotated[int, Field(ge=0)] = 120
    n_investigators: Annotated[int, Field(ge=4)] = 60
    n_teams: Annotated[int, Field(ge=1)] = 5
    cases_per_week: Annotated[float, Field(gt=0)] = 62.0


class Data(Section):
    """Where the case log is and how its columns map to the canonical ones."""

    file: Path | None = None
    sheet: str | None = None
    roster: Path | None = None
    allocation_history: Path | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    as_of: date | None = None
    first_date: date | None = None
    plausible_first_date: date = date(1990, 1, 1)
    plausible_last_date: date = date(2050, 12, 31)
    exclude: tuple[str, ...] = ()
    max_findings: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)

    @field_validator("columns")
    @classmethod
    def _canonical(cls, columns: dict[str, str]) -> dict[str, str]:
        unknown = [name for name in columns if name not in CANONICAL_COLUMNS]
        if unknown:
            raise ValueError(
                "; ".join(f"'{name}' is not a canonical column. {nearest(name, CANONICAL_COLUMNS)}" for name in unknown)
            )
        return columns

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        names = ("plausible_first_date", "first_date", "as_of", "plausible_last_date")
        refuse_disorder(**{name: day for name in names if (day := getattr(self, name)) is not None})
        return self


class SchoolHoliday(Period):
    """One period without school."""


class Calendar(Section):
    """Whose bank holidays and school terms apply; `subdivision` as in the `holidays` package (ENG, SCT, IL ...)."""

    country: str = "GB"
    subdivision: str | None = "ENG"
    school_holidays: tuple[SchoolHoliday, ...] | None = None


class Panel(Section):
    """How presence is inferred when no roster is given."""

    leaver_after_days: Annotated[int, Field(ge=1)] = 60


class Model(Section):
    """Which parts of the model are switched on.

    `further_flows` are events that change no stock; of those named, the ones that the data have enough of are forecast.
    """

    day_shock: bool = True
    week_shock: bool = True
    correlated_weeks: bool = False
    slow_level: bool = True
    own_pace: bool = True
    elasticity: bool = True
    month_batches: bool = True
    annual_harmonics: Annotated[int, Field(ge=0, le=6)] = 1
    further_flows: tuple[str, ...] = DEFAULT_FURTHER_FLOWS

    @field_validator("further_flows")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in FURTHER_FLOWS]:
            raise ValueError(
                "; ".join(f"'{name}' is no further flow. {nearest(name, FURTHER_FLOWS)}" for name in unknown)
            )
        return names


Engine = Literal["nuts", "laplace", "numpyro"]


class Rows(Section):
    """The transparent row model: what draws from it, what a count is taken for, and how newcomers learn.

    laplace approximates where that holds, numpyro runs on JAX.
    """

    engine: Engine = "nuts"
    response: Literal["negative_binomial", "zero_inflated", "hurdle", "hazard"] = "negative_binomial"
    ramp: Literal["linear", "monotone"] = "linear"

    @model_validator(mode="after")
    def _variants_by_nuts(self) -> Self:
        if self.engine != "nuts" and (self.response, self.ramp) != ("negative_binomial", "linear"):
            raise ValueError(f"{self.engine} draws from the row model as it is; variants are sampled by nuts")
        return self


class Sampling(Section):
    """How the posterior is sampled."""

    chains: Annotated[int, Field(ge=2)] = 4
    draws: Annotated[int, Field(ge=50)] = 1500
    tune: Annotated[int, Field(ge=50)] = 600
    target_accept: Annotated[float, Field(gt=0.5, lt=1)] = 0.9
    seed: int = 20240229
    accept_gate_failure_because: str | None = None


class Forecast(Section):
    """How far ahead, and with how many draws."""

    horizon_days: Annotated[int, Field(ge=7, le=400)] = 90
    draws_per_chain: Annotated[int, Field(ge=50)] = 500
    backlog_target: Annotated[float, Field(ge=0)] | None = None


class Backtest(Section):
    """Which days forecasts of the past are made from, what they learn from and what they are asked.

    Cutoffs are `n_folds` days, `step_days` apart, the last one as late as its truth allows; or the ends of months or
    quarters from `first_cutoff` to `last_cutoff`; or the days listed in `cutoffs`. The training window begins with the
    data and expands, or rolls with `rolling_window_days`. `variants` are other settings of the model, by name, scored
    in the same folds; parts that they do not mention are as by default.
    """

    n_folds: Annotated[int, Field(ge=0)] = 4
    step_days: Annotated[int, Field(ge=1)] = 98
    every: Literal["month", "quarter"] | None = None
    first_cutoff: date | None = None
    last_cutoff: date | None = None
    cutoffs: Annotated[tuple[date, ...], Field(min_length=1)] | None = None
    rolling_window_days: Annotated[int, Field(ge=182)] | None = None
    horizon_working_days: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (5, 21, 63)
    chains: Annotated[int, Field(ge=2)] = 2
    draws: Annotated[int, Field(ge=50)] = 700
    tune: Annotated[int, Field(ge=50)] = 400
    baselines: Annotated[tuple[str, ...], Field(min_length=1)] = DEFAULT_BASELINES
    variants: dict[Annotated[str, Field(pattern=NAME)], Model] = Field(default_factory=dict)

    @field_validator("variants")
    @classmethod
    def _names_apart(cls, variants: dict[str, Model]) -> dict[str, Model]:
        if taken := [name for name in variants if name == MODEL or name in BASELINES]:
            raise ValueError(f"{', '.join(taken)} is the name of another forecaster; scores could not be told apart")
        return variants

    @field_validator("baselines")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in BASELINES]:
            raise ValueError("; ".join(f"'{name}' is not a baseline. {nearest(name, BASELINES)}" for name in unknown))
        return names

    @field_validator("horizon_working_days", "cutoffs", "baselines")
    @classmethod
    def _once(cls, values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        if values is not None and len(set(values)) < len(values):
            raise ValueError("each value may stand once, or its scores would count double")
        return values

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.cutoffs is not None:
            self._refuse_beside("cutoffs", "n_folds", "step_days", "every", "first_cutoff", "last_cutoff")
        elif self.every is not None:
            self._refuse_beside("every", "n_folds", "step_days")
            if self.first_cutoff is None or self.last_cutoff is None:
                raise ValueError(f"the ends of every {self.every} need first_cutoff and last_cutoff")
            refuse_disorder(first_cutoff=self.first_cutoff, last_cutoff=self.last_cutoff)
        elif self.first_cutoff is not None:
            raise ValueError("first_cutoff goes with every: month or quarter; n_folds are counted back from the last")
        return self

    def _refuse_beside(self, chosen: str, *others: str) -> None:
        if both := [name for name in others if name in self.model_fields_set]:
            raise ValueError(f"{chosen} says already which days are used, so {', '.join(both)} must not be given")


class Compute(Section):
    """Where independent jobs run; their results are the same everywhere."""

    workers: Annotated[int, Field(ge=1)] | None = None
    scheduler: str | None = None

    @field_validator("scheduler")
    @classmethod
    def _address(cls, scheduler: str | None) -> str | None:
        if scheduler not in (None, "local") and not str(scheduler).startswith(("tcp://", "tls://")):
            raise ValueError(
                f"{scheduler} is no address of a Dask scheduler: give tcp://HOST:PORT as `dask scheduler` prints it, "
                "or local for a cluster on this machine"
            )
        return scheduler


Role = Literal["commissioner", "analyst", "assurer", "approver", "data_owner"]
"""Who answers for what: the roles of the UK government's Aqua Book, and the owner of the data."""


class Report(Section):
    """Words on the report's pages; `roles` are the names on its review sheet, left blank where not given."""

    marking: str = ""
    organisation: str = ""
    contact: str = ""
    roles: dict[Role, str] = Field(default_factory=dict)


class Config(Section):
    """One office or study."""

    name: Annotated[str, Field(pattern=NAME)]
    title: str
    data: Data = Data()
    simulate: Simulate | None = None
    calendar: Calendar = Calendar()
    panel: Panel = Panel()
    model: Model = Model()
    rows: Rows = Rows()
    sampling: Sampling = Sampling()
    forecast: Forecast = Forecast()
    backtest: Backtest = Backtest()
    compute: Compute = Compute()
    report: Report = Report()
    staffing: Staffing = Staffing()
    scenarios: tuple[Scenario, ...] = ()

    @field_validator("scenarios")
    @classmethod
    def _named_once(cls, scenarios: tuple[Scenario, ...]) -> tuple[Scenario, ...]:
        if len({scenario.name for scenario in scenarios}) < len(scenarios):
            raise ValueError("each scenario needs a name of its own, which is also that of its folder")
        return scenarios

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.data.file is None and self.simulate is None:
            raise ValueError("no data: give data.file, or a simulate section for the embedded office")
        return self


def load_config(path: Path) -> Config:
    """Read one YAML configuration.

    Parameters
    ----------
    path : Path
        The file. `data.file`, `data.roster` and `data.allocation_history` are resolved against its own folder.

    Raises
    ------
    ConfigError
        When the file is missing, too large, not YAML, or has unknown keys or bad values (all of them listed).
    """
    if not path.is_file():
        raise ConfigError(f"There is no configuration file at {path}. Check the path; examples are in configs/.")
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise ConfigError(
            f"{path} is larger than {MAX_CONFIG_BYTES} bytes, which no configuration is. Did you mean --data?"
        )
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds no settings: expected keys such as name, title and data.")
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(_problems(path, error)) from error
    files = {name: getattr(config.data, name) for name in ("file", "roster", "allocation_history")}
    return with_data(config, **{name: file and (path.parent / file).resolve() for name, file in files.items()})


def with_data(config: Config, **files: Path | None) -> Config:
    """Return the configuration with other data files."""
    return config.model_copy(update={"data": config.data.model_copy(update=files)})


class _Loader(yaml.SafeLoader):
    """Safe YAML with few aliases, in which a key stands once and dates stay text: wrong ones are reported by key."""

    n_aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            self.n_aliases += 1
        if self.n_aliases > MAX_ALIASES:
            raise yaml.YAMLError(f"it repeats values by more than {MAX_ALIASES} aliases (*name)")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"the key '{name}' stands twice", problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))


def read_yaml(path: Path) -> object:
    """Read YAML safely, as `load_config` does.

    Raises
    ------
    ConfigError
        When it is not YAML, or would take an unsafe reader.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply to be a configuration. Examples are in configs/.") from error
    # A ValueError is a number that Python refuses to read, or bytes that are no text.
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}. Correct the line named and run again.") from error


def _problems(path: Path, error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        *parents, last = problem["loc"] or ("",)
        where = ".".join(str(part) for part in problem["loc"]) or "the file"
        if problem["type"] == "extra_forbidden":
            section = _section(parents)
            known = section.model_fields if section is not None else Config.model_fields
            lines.append(f"unknown key '{where}'. {nearest(str(last), known)}")
        # Where a number may stand instead, no word is the nearest.
        elif problem["type"] == "literal_error" and not str(last).startswith("literal["):
            known_values = re.findall("'([^']+)'", problem["ctx"]["expected"])
            lines.append(f"{where}: '{problem['input']}' is not known. {nearest(str(problem['input']), known_values)}")
        else:
            words = PLAIN_WORDS.get(problem["type"], problem["msg"].removeprefix("Value error, "))
            lines.append(f"{where}: {words}")
    return f"{path} has {len(lines)} problem(s):\n  - " + "\n  - ".join(lines)


def _section(parents: list[int | str]) -> type[BaseModel] | None:
    """Return the section class that the key path leads to."""
    section: type[BaseModel] = Config
    for part in parents:
        if isinstance(part, int):
            continue
        found = _model_in(section.model_fields[part].annotation)
        if found is None:
            return None
        section = found
    return section


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, tuple):
        return next((m for a in typing.get_args(annotation) if (m := _model_in(a)) is not None), None)
    return None
