"""Print every arm's C with its interval beside the C of the true risk of a synthetic cohort.

Enters: a RUN folder and the truth.json of the cohort it was run on. Leaves: a table on stdout.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path


def main(run: Path, truth: Path) -> None:
    """Read metrics.csv and truth.json and print the table."""
    answer = json.loads(truth.read_text(encoding="utf-8"))
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] == "c_index"]
    print(f"{'arm':<44}{'C':>6}   95 % interval")
    for row in sorted(rows, key=lambda row: float(row["estimate"])):
        interval = f"{float(row['low']):.3f} to {float(row['high']):.3f}" if row["low"] else "none"
        print(f"{row['arm']:<44}{float(row['estimate']):>6.3f}   {interval}")
    print(f"{'the true risk (what no model can know)':<44}{answer['true_risk_c']:>6.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
