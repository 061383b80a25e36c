"""The archives of Sen12Landslides, fetched from the Hugging Face Hub, resumed, and unpacked safely."""

from __future__ import annotations

import re
from pathlib import Path

from landslide_utils.files import InputError, free_bytes, in_bytes, in_time, say
from landslide_utils.sources.archive import unpack_tar
from landslide_utils.sources.sen12landslides import NAME

DATASET = "paulhoehn/Sen12Landslides"
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
            kind, revision = "dataset", info.sha
            path = hf_hub_download(
                DATASET, name, repo_type=kind, revision=revision, local_dir=folder, endpoint=endpoint
            )
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
