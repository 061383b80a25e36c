"""Sen12Landslides on the Hugging Face Hub: its archives, resumed and unpacked safely, its names and its own split."""

from __future__ import annotations

import re
from pathlib import Path

from landslide_utils.chips import PARTS
from landslide_utils.files import InputError, free_bytes, in_bytes, in_time, read_json, say
from landslide_utils.sources.archive import unpack_tar

DATASET = "paulhoehn/Sen12Landslides"
ORBITS = {"s1asc": "ascending", "s1dsc": "descending"}
NAME = re.compile(rf"([\w-]+)_({'|'.join(ORBITS)})_\d+\.nc", re.ASCII)
PLAIN = re.compile(r"(?!.*\.\.)\w[\w./-]*", re.ASCII)  # names of files that lead nowhere else


def download_patches(sensor: str, folder: Path, *, endpoint: str | None = None, dry_run: bool = False) -> Path:
    """Return the folder of a sensor's patches, s1asc or s1dsc; archives of the dataset that are missing are fetched.

    Says first how much that is, and with `dry_run` no more. An interrupted call is gone on with by the next. `endpoint`
    is the address of the Hub. InputError if the Hub wants a login, or the transfer, an archive or the disk fails.
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        info = HfApi(endpoint=endpoint).dataset_info(DATASET, files_metadata=True, timeout=60)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or [] if PLAIN.fullmatch(file.rfilename)}
        archives = sorted(name for name in sizes if re.search(rf"(^|/){sensor}/[^/]+\.tar\.gz$", name))
        if not archives:
            raise InputError(f"{DATASET} cannot be downloaded", [f"it has no archives of {sensor}"])
        # of the dataset's editions the harmonized one, whose Sentinel-2 goes with it
        edition = min((Path(name).parent for name in archives), key=lambda top: ("harmonized" not in str(top), top))
        archives = [name for name in archives if Path(name).parent == edition]
        missing = [name for name in archives if not (folder / f"{name}.done").exists()]
        size, free = sum(sizes[name] for name in missing), free_bytes(folder)
        say(
            f"{DATASET}, {edition}, CC BY 4.0: {len(missing)} of {len(archives)} archives, {in_bytes(size)}, "
            f"{in_time(size / 1e7)} at 10 MB/s; unpacked one by one in {folder}, where {in_bytes(free)} are free"
        )
        splits = [name for name in sizes if re.fullmatch("tasks/.*S12LS-LD.*/splits.json", name)]
        for name in [] if dry_run else [*splits, *missing]:
            kind, sha = "dataset", info.sha
            path = hf_hub_download(DATASET, name, repo_type=kind, revision=sha, local_dir=folder, endpoint=endpoint)
            if name in missing:
                unpack_tar(Path(path), Path(path).parent, NAME)
                (folder / f"{name}.done").touch()
                Path(path).unlink()
    except (GatedRepoError, RepositoryNotFoundError) as error:
        advice = f"make an account, open https://huggingface.co/datasets/{DATASET}, and run: hf auth login"
        raise InputError(f"{DATASET} cannot be downloaded", [f"the Hub wants a login: {advice}"]) from error
    except InputError:
        raise
    except Exception as error:  # of the library, and of those that it is built on
        faults = [f"{type(error).__name__}: {error}", f"what has arrived is kept in {folder}; call again to go on"]
        raise InputError(f"{DATASET} cannot be downloaded", faults) from error
    return folder / edition


def read_parts(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Return the part of each file in the dataset's own split for landslide detection, and what is wrong with that."""
    parts: dict[str, str] = {}
    found = [path for base in (folder, *folder.absolute().parents[:2]) for path in base.glob("tasks/**/splits.json")]
    for path in sorted(path for path in found if "S12LS-LD" in str(path)):
        try:
            split = read_json(path)
            for name, part in zip(("train", "val", "test"), PARTS, strict=True):
                parts = {Path(entry[key]).name: part for entry in split[name] for key in ORBITS if key in entry} | parts
        except (OSError, ValueError, KeyError, TypeError) as error:
            return {}, [f"{path} is not a split of the dataset ({type(error).__name__}: {error})"]
    return parts, []
