"""The main job in one command: ``python -m landslide_utils.course.demo`` runs notebook 03 as it stands and says what came out."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from landslide_utils.experiments.config import RunConfig

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "03_train.ipynb"


def main() -> int:
    """Run the notebook and print AUPRC, chance, and where picture and notebook lie."""
    import papermill

    if not NOTEBOOK.exists():
        print(
            f"{NOTEBOOK} is not there: the demo runs from a clone of the project, with the package installed by make or pip install -e .",
            file=sys.stderr,
        )
        return 2
    out = Path("out").resolve()
    out.mkdir(exist_ok=True)
    executed = out / NOTEBOOK.name
    config = RunConfig(runs_dir=str(out / "runs"))
    print("Training a UNet++ on the practice cube (simulated radar). About two minutes on two cores.", flush=True)
    papermill.execute_notebook(NOTEBOOK, executed, parameters={"runs_dir": config.runs_dir}, cwd=NOTEBOOK.parent)
    found = json.loads((config.folder / "metrics.json").read_text())
    print(
        f"AUPRC {found['auprc']:.2f} against chance {found['prevalence']:.3f} and the best log ratio {found['auprc_log_ratio']:.2f} (simulated radar)"
    )
    print(f"map:      {config.folder / 'map.png'}")
    print(f"curves:   {config.folder / 'precision_recall.png'}")
    print(f"notebook: {executed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
