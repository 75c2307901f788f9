"""One look for every figure: quiet axes, letters readable on a phone, colours that do not rely on red against green.

The colours are those of Okabe and Ito (2008), which stay apart under the common kinds of colour blindness; so do those
added here, a dark brown among them, and red, which is darker than amber. A colour means the same thing on every page:
what was observed is black, the model blue, a baseline orange.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
from cycler import cycler

OBSERVED = "#222222"
MODEL = "#0072B2"
BASELINE = "#E69F00"
BASELINE_WORDS = "#8A5A00"
"""The baseline's colour, dark enough for letters on white."""
TARGET = "#D55E00"
MUTED = "#8A8F94"
GRID = "#E4E7EA"

# Central intervals, widest first: prob -> shade of MODEL. Drawn in this order each lies on the one before.
FAN: Mapping[float, str] = {0.9: "#D6E6F2", 0.8: "#A9CCE3", 0.5: "#5FA2CC"}

# For teams and other unordered groups, in drawing order.
GROUPS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#5C3D00", "#222222")

VERDICTS: Mapping[str, str] = {"green": "#00795B", "amber": "#996300", "red": "#961A1A"}

# Inches. At 390 pixels, a phone's width, the letters of a figure this wide are still about 9 pixels high.
WIDTH, HEIGHT = 6.0, 3.5


def use_style() -> None:
    """Set matplotlib's defaults for report figures, whatever the user's own settings are."""
    # Loads the backend, without which a notebook prints a figure's name instead of the figure.
    plt.switch_backend(plt.get_backend())
    plt.rcdefaults()
    plt.rcParams.update(
        {
            "figure.figsize": (WIDTH, HEIGHT),
            "figure.dpi": 150,
            "figure.constrained_layout.use": True,
            "savefig.dpi": 150,
            "svg.fonttype": "none",
            "svg.hashsalt": "bayes_backlog",
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica", "sans-serif"],
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.labelsize": 11,
            "axes.labelcolor": OBSERVED,
            "axes.edgecolor": MUTED,
            "axes.linewidth": 0.8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.grid.axis": "y",
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=GROUPS),
            "grid.color": GRID,
            "grid.linewidth": 0.8,
            "lines.linewidth": 1.8,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "xtick.labelcolor": OBSERVED,
            "ytick.labelcolor": OBSERVED,
            "date.converter": "concise",
            "legend.frameon": False,
            "legend.fontsize": 11,
        }
    )
