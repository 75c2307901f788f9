"""Sample the default forecaster of the demonstration's office in a process of its own, and print what that cost.

    python tests/benchmarks/measure_forecaster.py cases|all

Sampled are the flows that move a case alone, or all that the configuration asks for, with the settings of the published
fit. Seconds are those of a fit whose model was compiled before: its arrays and its sampling, warm-up included.
Compiling is reported beside them.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from simulated import simulated_panels

from bayes_backlog.config import load_config
from bayes_backlog.inference.fit import Prepared, fit, prepare
from bayes_backlog.inference.gate import convergence_verdicts
from bayes_backlog.inference.sampling import CompiledModels, SamplerSettings

DEMO = Path(__file__).parents[2] / "configs" / "demo.yaml"


def measure(prepared: Prepared, settings: SamplerSettings) -> dict[str, object]:
    """Fit twice: the first, of one draw, compiles."""
    compiled = CompiledModels()
    begun = time.perf_counter()
    fit(prepared, SamplerSettings(1, 1, 10, settings.target_accept, settings.seed), compiled, cores=1)
    compile_s = time.perf_counter() - begun
    begun, cpu = time.perf_counter(), time.process_time()
    trace = fit(prepared, settings, compiled)
    sampling_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    verdicts = convergence_verdicts(trace)
    stats = trace["sample_stats"]
    return {
        "flows": list(prepared.spec.flows),
        "rows": len(prepared.panels.daily),
        "compile_s": round(compile_s, 1),
        "sampling_s": round(sampling_s, 1),
        "cpu_s": round(cpu_s, 1),
        "leapfrogs": round(float(stats["n_steps"].mean()), 1),
        "divergences": int(stats["diverging"].sum()),
        "checks": {verdict.check: [verdict.status, round(verdict.value, 3)] for verdict in verdicts},
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main(flows: str) -> None:
    """Measure the demonstration's model without events that move no case (`cases`), or with them (`all`)."""
    config = load_config(DEMO)
    further = {"cases": (), "all": config.model.further_flows}[flows]
    prepared = prepare(simulated_panels(config), config.model.model_copy(update={"further_flows": further}))
    sampling = config.sampling
    settings = SamplerSettings(sampling.chains, sampling.draws, sampling.tune, sampling.target_accept, sampling.seed)
    print(json.dumps(measure(prepared, settings)))


if __name__ == "__main__":
    main(sys.argv[1])
