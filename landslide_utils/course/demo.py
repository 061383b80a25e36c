"""The main job in one command: ``landslides demo`` runs notebook 03 as it stands."""

from __future__ import annotations

from pathlib import Path

from landslide_utils.experiments.config import RunConfig
from landslide_utils.files import read_json

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "03_train.ipynb"


def run_notebook() -> None:
    """Run the notebook and print AUPRC, chance, and where picture and notebook lie.

    Raises
    ------
    FileNotFoundError
        If the package was installed without the notebooks.
    """
    import papermill

    if not NOTEBOOK.exists():
        raise FileNotFoundError(
            f"{NOTEBOOK} is not there: the demo runs from a clone of the project, with the package installed by make "
            "or pip install -e ."
        )
    out = Path("out").resolve()
    out.mkdir(exist_ok=True)
    executed = out / NOTEBOOK.name
    config = RunConfig(runs_dir=str(out / "runs"))
    print("Training a UNet++ on the practice cube (simulated radar). About two minutes on two cores.", flush=True)
    papermill.execute_notebook(NOTEBOOK, executed, parameters={"runs_dir": config.runs_dir}, cwd=NOTEBOOK.parent)
    scores = read_json(config.folder / "metrics.json")
    print(
        f"AUPRC {scores['auprc']:.2f} against chance {scores['prevalence']:.3f} "
        f"and the best log ratio {scores['auprc_log_ratio']:.2f} (simulated radar)"
    )
    print(f"map:      {config.folder / 'map.png'}")
    print(f"curves:   {config.folder / 'precision_recall.png'}")
    print(f"notebook: {executed}")
