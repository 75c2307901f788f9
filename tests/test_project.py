"""The files that say what is installed agree with one another, and nothing committed points at one machine or host."""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
DIRECT = [Requirement(text) for text in PROJECT["dependencies"]]
DEVELOPMENT = [Requirement(text) for text in PROJECT["optional-dependencies"]["dev"]]
OPTIONAL = [Requirement(text) for extra in ("baselines", "jax") for text in PROJECT["optional-dependencies"][extra]]

CONDA_NAMES = {"matplotlib-base": "matplotlib"}
CONDA_TOOLS = {"python", "pip", "make", "quarto"}


def pins(constraints: str) -> dict[str, str]:
    """Return name -> version of a constraints file; every line must be an exact pin."""
    lines = [line for line in constraints.splitlines() if line and not line.startswith("#")]
    loose = [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!+]+", line)]
    assert not loose, f"not exact pins: {loose}"
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


PINS = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))


def conda_versions(dependencies: Iterable[str | Mapping[str, list[str]]]) -> dict[str, str]:
    """Return package name -> version of an environment file, tools left out, its pip section included."""
    versions = {}
    for entry in dependencies:
        lines = [entry] if isinstance(entry, str) else [line for line in entry["pip"] if not line.startswith("-")]
        for line in lines:
            name, version = re.fullmatch(r"([\w-]+)(?:[=><]+([\w.]+))?", line).groups(default="")
            if name not in CONDA_TOOLS:
                versions[canonicalize_name(CONDA_NAMES.get(name, name))] = version
    return versions


def unpinned(requirements: Iterable[Requirement], pinned: Mapping[str, str]) -> list[str]:
    """Name the requirements without a pin, or whose pin lies outside what they allow."""
    return [
        str(requirement)
        for requirement in requirements
        if (version := pinned.get(canonicalize_name(requirement.name))) is None
        or not requirement.specifier.contains(version)
    ]


def other_series(conda: Mapping[str, str], pinned: Mapping[str, str]) -> list[str]:
    """Name the packages whose conda version is not the pinned one, or the first two parts of it at least."""
    return [
        f"{name}: {version or 'any'} in environment.yml, {pinned.get(name)} in constraints.txt"
        for name, version in conda.items()
        if version.count(".") < 1 or not f"{pinned.get(name)}.".startswith(f"{version}.")
    ]


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """Return the names of everything that the requirements bring in here."""
    found: set[str] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        applies = requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)
        if name in found or not applies:
            continue
        found.add(name)
        for text in metadata.requires(name) or []:
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in extras):
                inner.marker = None
                waiting.append(inner)
    return found


def installed_otherwise(names: Iterable[str], pinned: Mapping[str, str]) -> list[str]:
    """Name the installed packages that are not pinned to the version installed."""
    return [
        f"{name}: {metadata.version(name)} installed, {pinned.get(name)} in constraints.txt"
        for name in sorted(names)
        if metadata.version(name) != pinned.get(name)
    ]


def test_every_requirement_is_pinned_within_its_bounds():
    assert unpinned([*DIRECT, *DEVELOPMENT, *OPTIONAL], PINS) == []


def test_a_missing_pin_and_a_pin_below_the_bound_are_seen():
    requirements = [Requirement("pymc>=6.4"), Requirement("bambi>=0.21"), Requirement("rich")]
    assert unpinned(requirements, {"bambi": "0.20.1", "rich": "15.0.0"}) == ["pymc>=6.4", "bambi>=0.21"]


def test_only_exact_pins_are_constraints():
    with pytest.raises(AssertionError, match="pymc>=6"):
        pins("bambi==0.21.0\npymc>=6\n")
    with pytest.raises(AssertionError, match="package @"):
        pins("package @ file:wheel.whl\n")


def test_conda_has_all_requirements_in_the_pinned_series():
    conda = conda_versions(ENVIRONMENT["dependencies"])
    assert set(conda) == {canonicalize_name(requirement.name) for requirement in [*DIRECT, *DEVELOPMENT]}
    assert other_series(conda, PINS) == []


def test_another_conda_series_is_seen():
    conda = conda_versions(["python=3.13", "numpy=2.4", "pymc=6.4", "xarray=2026", "rich", {"pip": ["-e .", "a==1.1"]}])
    found = other_series(
        conda, {"numpy": "2.40.1", "pymc": "6.4.0", "xarray": "2026.9.0", "rich": "15.0.0", "a": "1.2"}
    )
    assert [line.partition(":")[0] for line in found] == ["numpy", "xarray", "rich", "a"]


@pytest.mark.skipif("CONDA_PREFIX" in os.environ, reason="conda resolves its own builds; constraints.txt is pip's")
@pytest.mark.skipif("CONDA_PREFIX" in os.environ, reason="conda installs the series, not the exact pins")
def test_everything_installed_for_the_project_is_pinned_as_installed():
    assert installed_otherwise(closure([*DIRECT, *DEVELOPMENT]), PINS) == []


def test_a_pin_that_is_not_what_is_installed_is_seen():
    stale = PINS | {"numpy": "1.0.0"}
    assert [line.partition(":")[0] for line in installed_otherwise(["numpy", "pandas"], stale)] == ["numpy"]


def test_the_closure_follows_extras_and_dependencies_of_dependencies():
    found = closure([Requirement("arviz")])
    assert {"arviz", "arviz-stats", "xarray", "numpy"} <= found
    assert "pytest" not in found


def test_the_files_name_the_same_python():
    version = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    assert f"python={version}" in ENVIRONMENT["dependencies"]
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(version)


# --- nothing committed points at one machine or host ---

INDEX_HOST = re.compile(
    r"https?://[\w.-]*(?:pypi|pythonhosted|anaconda|conda-forge|npmjs|artifactory|nexus|devpi|jfrog)[\w.-]*", re.I
)
INDEX_OPTION = re.compile(r"--(?:extra-)?index-url|--find-links|--trusted-host|\bfile:///")
MACHINE_PATH = re.compile(r"(?<![\w./~$}*-])/(?:work|root|home|opt|Users|mnt)/\w")
TRACKER = re.compile(r"\bissue\s+#?\d+", re.I)
REFUSED = {"package index": INDEX_HOST, "index option": INDEX_OPTION, "machine path": MACHINE_PATH, "issue": TRACKER}


def committed_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def refused_words(text: str) -> list[str]:
    return [f"{kind}: {match[0]}" for kind, pattern in REFUSED.items() for match in pattern.finditer(text)]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only a git clone says which files are committed")
def test_no_committed_file_names_a_package_host_or_a_machine():
    found = {}
    for file in committed_files():
        if file == Path(__file__):
            continue
        try:
            words = refused_words(file.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
        if words:
            found[str(file.relative_to(ROOT))] = words
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "https://files.pythonhosted.org/packages/x.whl",
        "pip install -i https://pypi.example.org/simple pkg",
        "- https://repo.anaconda.com/pkgs/main",
        "--extra-index-url=somewhere",
        "bayes-backlog @ file:///srv/wheel.whl",
        "see /home/ann/data.csv",
        '"/work/main"',
        "fixed in issue #12",
    ],
)
def test_hosts_machine_paths_and_tracker_numbers_are_seen(text):
    assert len(refused_words(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "https://doi.org/10.1198/016214506000001437",
        "channels: conda-forge",
        "case/work/home/x",
        "~/work/x",
        "results/demo",
        "the issue 'late sign-off'",
    ],
)
def test_ordinary_text_is_left_alone(text):
    assert refused_words(text) == []
