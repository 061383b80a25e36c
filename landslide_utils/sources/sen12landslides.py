"""Patches of Sen12Landslides as one scene: side by side on a grid of their own, each one a chip. It is not a map."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import hashlib
import json
import math
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm.auto import tqdm

from landslide_utils import __version__
from landslide_utils.chips import BUFFER, SIZE
from landslide_utils.composite import sides_of_event
from landslide_utils.cube import DIMS
from landslide_utils.files import MOST_FILE_BYTES, InputError, atomic_write, check_file, in_bytes, read_json, shorten
from landslide_utils.regions import PATCHES, data_folder
from landslide_utils.sources.fetch import MOST_OBJECT_BYTES
from landslide_utils.sources.hub import NAME, ORBITS, read_parts
from landslide_utils.sources.nisar import find_foreign
from landslide_utils.sources.passes import MissingExtraError

SOURCE = "Hoehn et al. 2025, https://doi.org/10.1038/s41597-025-06167-2, CC BY 4.0"
LAYERS = {"VV": "f", "VH": "f", "DEM": "iuf", "MASK": "biu"}  # variables, and the kinds of numbers they may hold
CELL = SIZE + BUFFER  # pixels from one patch to the next in the scene; there are no data between them
PASSES = 4  # kept on each side of an event: as many as a run averages at most
LEAST_REGIONS, LEAST_SQUARES = 5, 15  # from so many regions on, each is one block of a split, else squares of ground
PIXEL_M, MOST_DATES = 10.0, 100


@dataclass
class Patch:
    """What a file says of itself, and what of it is used."""

    path: Path
    region: str
    place: tuple[str, int, int]  # CRS, column (eastward) and row (northward) in the grid of patches
    days: NDArray[np.datetime64]
    events: list[str]  # days, in order
    annotated: bool  # said to have landslides
    simulated: bool
    passes: tuple[list[int], list[int]] = ([], [])  # before and after the events, in order of time
    block: int = 0
    cut: tuple[bool, bool] = (False, False)  # whether the buffer of a split takes the last rows, and the last columns


def open_patches(source: str) -> xr.Dataset:
    """Return the patches of ``sen12landslides:FOLDER``, or ``FOLDER#hokkaido,italy``, in the published layout, lazily.

    The attribute ``patches`` of ``landslides`` has for each patch, row by row, its ``block`` and its ``part`` in the
    dataset's own split. InputError lists the faults of all files, before any image is read. Source: Hoehn et al.
    (2025), doi 10.1038/s41597-025-06167-2; layout: github.com/PaulH97/Sen12Landslides.

    Notes
    -----
    Time counts passes, because each patch has its own dates: the earliest of these are given before the events, the
    latest after. Passes on the day of a patch's event, or between two of its events, are not used. A patch without
    landslides takes the most frequent event of its region. A warning says how many patches are left out.
    """
    where, _, chosen = source.removeprefix(PATCHES).partition("#")
    folder = Path(where).expanduser()
    paths, faults = _find_files(folder, {name.strip() for name in chosen.split(",") if name.strip()})
    found, damage = _inspect_all(paths, folder)
    parts, wrong = read_parts(folder)
    faults += damage + wrong
    patches = _choose([*found.values()])
    why = "they have no pass on one side of their event, no date of it, or landslides that are not drawn"
    if faults := faults or ([] if patches else [f"none can be used: {why}"]):
        raise InputError(f"the patches in {folder} cannot be used", faults)
    if left_out := len(paths) - len(patches):
        warnings.warn(f"{left_out} of {len(paths)} patches are left out: {why}", stacklevel=2)
    _share_ground(patches)
    patches.sort(key=lambda patch: (patch.block, -patch.place[2], patch.place[1]))
    plan = {"block": [patch.block for patch in patches], "part": [parts.get(p.path.name, "") for p in patches]}
    return _lay_out(patches, plan | {"files": hashlib.sha256(repr([*found]).encode()).hexdigest()[:16]})


def _find_files(folder: Path, regions: set[str]) -> tuple[list[Path], list[str]]:
    """Return the patches of some regions, or of all, and what is wrong with the folder."""
    named = {path: match for path in sorted(folder.rglob("*.nc")) if (match := NAME.fullmatch(path.name))}
    known, orbits = ({match[group] for match in named.values()} for group in (1, 2))
    paths = [path for path, match in named.items() if not regions or match[1] in regions]
    faults = [] if known else ["no patch such as hokkaido_s1dsc_12.nc is there; unpack the archives, or look elsewhere"]
    if twice := [name for name, count in Counter(path.name for path in paths).items() if count > 1]:
        faults.append(f"there twice: {shorten(twice)}; give the folder of one edition only")
    if known and (unknown := sorted(regions - known)):
        faults.append(f"no patch is of {shorten(unknown)}; there are {shorten(sorted(known), 30)}")
    if len(orbits) > 1:
        faults.append("both orbit directions are there, which are not mixed; give the folder of s1asc or of s1dsc")
    return ([] if faults else paths), faults


def _inspect_all(paths: list[Path], folder: Path) -> tuple[dict[str, Patch], list[str]]:
    """Return by file, size and time what each says, and faults; sound ones are asked once: 13,000 take a minute."""
    name = hashlib.sha256(f"{__version__} {folder.absolute()}".encode()).hexdigest()[:16]
    kept, known, found, faults = data_folder() / "patches" / f"{name}.json", dict[str, Any](), {}, list[str]()
    with contextlib.suppress(OSError, ValueError, TypeError):
        known |= read_json(kept)
    there = len(known)
    for path in tqdm(paths, desc="patches", unit="file", delay=2, leave=False):
        key = f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}"
        if key not in known:
            said, wrong = _inspect(path)
            faults += wrong
            known |= {} if wrong else {key: said}
        if key in known:
            region, place, days, *others = known[key]
            found[key] = Patch(path, region, tuple(place), np.array(days, "datetime64[D]"), *others)
    if len(known) > there:
        with atomic_write(kept, overwrite=True) as part:
            part.write_text(json.dumps(known), encoding="utf-8")
    return found, faults


def _inspect(path: Path) -> tuple[list[Any], list[str]]:
    """Return what a file says of itself, as JSON has it, or all that is wrong with it; no image is read."""
    try:
        import h5py

        if foreign := find_foreign(check_file(path, MOST_FILE_BYTES)):
            raise ValueError(f"{shorten(foreign)} lies in another file, which is not opened")
        with h5py.File(path) as file:
            if faults := _find_faults(file):
                return [], [f"{path.name}: {fault}" for fault in faults]
            names = {day.strip()[:10] for day in _text(file, "event_date").split(",")} - {"", "None", "nan", "NaT"}
            events = sorted(dt.date.fromisoformat(day).isoformat() for day in names)
            annotated = _text(file, "annotated") == "True"
            events = [] if annotated and not file["MASK"][-1].any() else events
            col, row = (math.floor(file[axis][()].min() / (SIZE * PIXEL_M)) for axis in ("x", "y"))
            words = {name: _text(file["time"], name) for name in ("units", "calendar") if name in file["time"].attrs}
            days = _decode_days(tuple(file["time"][()].tolist()), tuple(words.items()))
            simulated, crs = bool(file.attrs.get("simulated", False)), _text(file, "crs")
    except ImportError as error:
        raise MissingExtraError(str(error.name)) from None
    except Exception as error:  # whatever a damaged file makes of HDF5
        return [], [f"{path.name} cannot be used ({type(error).__name__}: {error}); get it again"]
    region = path.name.rsplit("_", 2)[0]
    return [region, (crs, col, row), days, events, annotated, simulated], []


@functools.lru_cache  # the patches of a region share their dates, and xarray takes milliseconds for each
def _decode_days(numbers: tuple[float, ...], words: tuple[tuple[str, str], ...]) -> list[int]:
    """Return the days since 1970 that numbers stand for by the units and the calendar that a file says."""
    decoded = xr.coders.CFDatetimeCoder().decode(xr.Variable("time", list(numbers), dict(words))).values
    return [*map(int, decoded.astype("datetime64[D]").astype(int))]


def _find_faults(file: Any) -> list[str]:
    """Return what is wrong with the variables of a patch."""
    if missing := [name for name in ("time", "x", "y", *LAYERS) if name not in file]:
        return [f"{', '.join(missing)} missing"]
    size = (file["time"].size, SIZE, SIZE)
    faults = [f"it has {size[0]} dates where {MOST_DATES} are allowed"] if size[0] > MOST_DATES else []
    for name, kinds in LAYERS.items():
        dims = _dims(layer := file[name])
        if dims[:1] != ["time"] or {*dims[1:]} != {"x", "y"} or layer.shape != size:
            faults.append(f"{name} is ({', '.join(dims)}) {layer.shape} where (time, y, x) {size} is needed")
        if layer.dtype.kind not in kinds:
            faults.append(f"{name} holds {layer.dtype}, which it cannot")
        if (chunk := math.prod(layer.chunks or ()) * layer.dtype.itemsize) > MOST_OBJECT_BYTES:
            faults.append(f"{name} has chunks of {in_bytes(chunk)}")
    for axis, step in (("x", PIXEL_M), ("y", -PIXEL_M)):
        if file[axis].shape != (SIZE,) or not np.allclose(np.diff(file[axis][()]), step, rtol=0.01):
            faults.append(f"{axis} is not {SIZE} positions, each {step:+g} m from the one before")
    return faults


def _choose(found: list[Patch]) -> list[Patch]:
    """Return the patches that have passes before and after an event; those without landslides take their region's."""
    usual: dict[str, Counter[tuple[str, ...]]] = {}
    for patch in found:
        if patch.events:
            usual.setdefault(patch.region, Counter())[tuple(patch.events)] += 1
    for patch in found:
        if not patch.annotated and patch.region in usual:
            patch.events = [*usual[patch.region].most_common(1)[0][0]]
        if patch.events:
            days, places = np.unique(patch.days, return_index=True)
            side = sides_of_event(days, patch.events[0], patch.events[-1])
            patch.passes = places[side == "before"][-PASSES:].tolist(), places[side == "after"][:PASSES].tolist()
    return [patch for patch in found if all(patch.passes)]


def _share_ground(patches: list[Patch]) -> None:
    """Give each patch the number of its block: its region if there are many, else a square of ground with a buffer."""
    names: list[tuple[Any, ...]] = [(patch.region,) for patch in patches]
    if len({*names}) < LEAST_REGIONS:
        for side in (4, 3, 2, 1):
            names = [(p.region, p.place[0], p.place[1] // side, p.place[2] // side) for p in patches]
            if len({*names}) >= LEAST_SQUARES:
                break
        for patch in patches:
            patch.cut = (patch.place[2] % side == 0, patch.place[1] % side == side - 1)
    numbers = {name: number for number, name in enumerate(sorted({*names}))}
    for patch, name in zip(patches, names, strict=True):
        patch.block = numbers[name]


def _lay_out(patches: list[Patch], plan: dict[str, Any]) -> xr.Dataset:
    """Return patches side by side, row by row, on about as many rows as there are patches in a row."""
    across = math.ceil(math.sqrt(len(patches)))
    rows, (before, after) = math.ceil(len(patches) / across), _days_of_all(patches)
    regions, orbit = sorted({patch.region for patch in patches}), ORBITS[patches[0].path.stem.rsplit("_", 2)[1]]

    def read_row(block_id: tuple[int, ...], own: str, missing: Any) -> NDArray[Any]:
        *step, row, _ = block_id
        out = np.full((len(before) + len(after) if step else 1, CELL, CELL * across), missing)
        for place, patch in enumerate(patches[row * across :][:across]):
            south, east = (SIZE - BUFFER * (cut and own != "MASK") for cut in patch.cut)
            passes = [*patch.passes[0], *patch.passes[1]] if step else [patch.days.size - 1]
            first = len(before) - len(patch.passes[0]) if step else 0
            values = _read(patch.path, own, passes)
            out[first:, :south, CELL * place :][: len(passes), :, :east] = values[:, :south, :east]
        return out if step else out[0]

    y, x = (PIXEL_M * (np.arange(CELL * count) + 0.5) for count in (rows, across))
    cube = xr.Dataset(coords={"time": [*before, *after], "y": y[::-1], "x": x})
    sizes = ((cube.sizes["time"],), (CELL,) * rows, (CELL * across,))
    for name, own in {"vv": "VV", "vh": "VH", "dem": "DEM", "landslides": "MASK"}.items():
        chunks, missing = sizes[-len(DIMS[name]) :], np.uint8(0) if own == "MASK" else np.float32(np.nan)
        read = {"own": own, "missing": missing, "name": f"{own}-{plan['files']}", "dtype": missing.dtype}
        meta = np.empty((0,) * len(chunks), missing.dtype)
        cube[name] = DIMS[name], da.map_blocks(read_row, chunks=chunks, meta=meta, **read)
    cube["landslides"].attrs["patches"] = plan | {"shape": [CELL * rows, CELL * across]}
    return cube.assign_coords(orbit=orbit).assign_attrs(
        event_time=min(patch.events[0] for patch in patches) + "T00:00:00",
        event_end=max(patch.events[-1] for patch in patches) + "T00:00:00",
        region=f"Sen12Landslides, {shorten(regions)}: {len(patches)} patches side by side, no map",
        source=SOURCE,
        patches=len(patches),
        simulated=any(patch.simulated for patch in patches),
    )


def _days_of_all(patches: list[Patch]) -> tuple[list[Any], list[Any]]:
    """Return of each pass before the events the earliest day, and of each after them the latest, in order of time."""
    before, after = list[Any](), list[Any]()
    for n in range(PASSES):
        if days := [p.days[p.passes[0][-1 - n]] for p in patches if len(p.passes[0]) > n]:
            before.insert(0, min([*days, *(later - 1 for later in before[:1])]))
        if days := [p.days[p.passes[1][n]] for p in patches if len(p.passes[1]) > n]:
            after.append(max([*days, *(earlier + 1 for earlier in after[-1:])]))
    return before, after


def _read(path: Path, name: str, dates: list[int]) -> NDArray[Any]:
    """Return one variable at some dates (time, y, x), whether it is stored that way or transposed."""
    import h5py

    try:
        with h5py.File(path) as file:  # all dates at once: to open a file takes as long as to read it
            values = file[name][min(dates) : max(dates) + 1][np.array(dates) - min(dates)]
            return np.asarray(values if _dims(file[name])[1] == "y" else values.swapaxes(1, 2))
    except OSError as error:
        raise InputError("the patches cannot be read", [f"{path.name} ({error}); get it again"]) from error


def _dims(layer: Any) -> list[str]:
    """Return the names of the dimensions of a variable in an HDF5 file."""
    return [dim[0].name.rsplit("/", 1)[-1] if len(dim) else "?" for dim in layer.dims]


def _text(thing: Any, name: str) -> str:
    """Return an attribute of a file or a variable as text; it is empty where there is none."""
    value = thing.attrs.get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)
