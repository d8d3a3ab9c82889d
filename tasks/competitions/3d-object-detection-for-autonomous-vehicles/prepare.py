"""Drives with boxes around what is on the road: a fifth of Kaggle's labelled drives become the test set."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from tasks import recipes

SIDES = ("train", "test")
UNCHANGED = ["attribute.json", "category.json", "sensor.json", "visibility.json"]
MAP_IMAGE = "map_raster_palo_alto.png"
FOLDERS = {"jpeg": "images", "bin": "lidar"}  # by format of the file
OBJECT = 8  # tokens
Record = dict[str, Any]


class Parts(NamedTuple):
    """The records of a table, in its order, on either side."""

    train: list[Record]
    test: list[Record]


def prepare(raw: Path, public: Path, private: Path) -> None:
    for side in SIDES:
        recipes.copy_files(raw / "train_maps", public / f"{side}_maps", [MAP_IMAGE])
        recipes.copy_files(raw / "train_data", public / f"{side}_data", UNCHANGED)
    logs = _read(raw, "log", "token")
    tokens = [log["token"] for log in logs]
    recipes.require(len(set(tokens)) == len(tokens), "log.json has a token twice")
    train_logs, test_logs = recipes.split(tokens, test_size=0.2)
    side_of_log = _sides(train_logs, test_logs)
    _write(_parts(logs, "token", side_of_log, "log"), public, "log")
    _write(_parts(_read(raw, "scene", "log_token"), "log_token", side_of_log, "scene"), public, "scene")
    _write_maps(raw, public, test_logs)
    # A scene has the token of its log.
    samples = _parts(_read(raw, "sample", "token", "scene_token"), "scene_token", side_of_log, "sample")
    _write(samples, public, "sample")
    train_ids, test_ids = ([sample["token"] for sample in part] for part in samples)
    _write_boxes(raw, public, private, train_ids, test_ids)
    _write_annotations(raw, public, _sides(train_ids, test_ids))
    _write_recordings(raw, public, _sides(train_ids, test_ids))


def _write_maps(raw: Path, public: Path, test_logs: list[str]) -> None:
    """The only map with other logs; as in the reference, the training set's has those of the test set too."""
    maps = _read(raw, "map")
    recipes.require_equal(len(maps), 1, "maps in map.json")
    recipes.require("log_tokens" in maps[0], "the map in map.json has no log_tokens")
    changed = [{**maps[0], "log_tokens": test_logs}]
    _write(Parts(changed, changed), public, "map")


def _write_boxes(raw: Path, public: Path, private: Path, train_ids: list[str], test_ids: list[str]) -> None:
    table = recipes.read_csv(raw / "train.csv")
    recipes.require_columns(table, ["Id", "PredictionString"], "train.csv")
    train, test = table[table["Id"].isin(train_ids)], table[table["Id"].isin(test_ids)]
    recipes.require_equal(len(train) + len(test), len(table), "rows of train.csv with a sample")
    recipes.require_equal((len(train), len(test)), (len(train_ids), len(test_ids)), "rows of train and test")
    recipes.write_csv(train, public / "train.csv")
    answers = [_with_confidence(text) for text in test["PredictionString"]]
    recipes.write_csv(test.assign(PredictionString=answers), private / "test.csv")
    recipes.write_csv(recipes.sample_of(test, "Id", {"PredictionString": ""}), public / "sample_submission.csv")


def _with_confidence(text: object) -> str:
    """Objects with a confidence of 1 in front of each."""
    tokens = text.split(" ") if isinstance(text, str) else []
    recipes.require(tokens and len(tokens) % OBJECT == 0, f"train.csv: a row does not list objects of {OBJECT} tokens")
    return " ".join(token if place % OBJECT else f"1.0 {token}" for place, token in enumerate(tokens))


def _write_annotations(raw: Path, public: Path, side_of_sample: dict[str, str]) -> None:
    """Annotations and instances; those of the test set are the answers, and are left out."""
    records = _read(raw, "sample_annotation", "sample_token", "instance_token")
    annotations = _parts(records, "sample_token", side_of_sample, "sample_annotation")
    recipes.write_json(annotations.train, public / "train_data" / "sample_annotation.json")
    side_of_instance = _sides(*([entry["instance_token"] for entry in part] for part in annotations))
    instances = _parts(_read(raw, "instance", "token"), "token", side_of_instance, "instance")
    recipes.write_json(instances.train, public / "train_data" / "instance.json")


def _write_recordings(raw: Path, public: Path, side_of_sample: dict[str, str]) -> None:
    """The list of files, how each sensor was mounted and where the car was, and the files."""
    keys = ("sample_token", "calibrated_sensor_token", "ego_pose_token", "filename", "fileformat")
    parts = _parts(_read(raw, "sample_data", *keys), "sample_token", side_of_sample, "sample_data")
    _write(parts, public, "sample_data")
    sensors = [list(dict.fromkeys(entry["calibrated_sensor_token"] for entry in part)) for part in parts]
    _write(_looked_up(raw, "calibrated_sensor", sensors), public, "calibrated_sensor")
    poses = [[entry["ego_pose_token"] for entry in part] for part in parts]
    _write(_looked_up(raw, "ego_pose", poses), public, "ego_pose")
    _copy_files(raw, public, parts)


def _looked_up(raw: Path, name: str, tokens: list[list[str]]) -> Parts:
    """The records of a table that have the tokens of each side, in the order of the tokens."""
    records = {entry["token"]: entry for entry in _read(raw, name, "token")}
    used = set().union(*tokens)
    recipes.require(used == records.keys(), f"the tokens of {name}.json are not those that sample_data.json uses")
    return Parts(*([records[token] for token in side] for side in tokens))


def _copy_files(raw: Path, public: Path, parts: Parts) -> None:
    copied = 0
    for side, part in zip(SIDES, parts, strict=True):
        names: dict[str, dict[str, str]] = {file_format: {} for file_format in FOLDERS}
        for entry in part:
            name, file_format = PurePosixPath(entry["filename"]).name, entry["fileformat"]
            known = file_format in names and name.endswith(f".{file_format}")
            recipes.require(known, f"sample_data.json: {name!r} is no file of the format jpeg or bin")
            names[file_format][name] = name  # once, though several records may have it
        for file_format, folder in FOLDERS.items():
            recipes.copy_files(raw / f"train_{folder}", public / f"{side}_{folder}", names[file_format])
            copied += len(names[file_format])
    distinct = len({entry["filename"] for part in parts for entry in part})
    recipes.require_equal(copied, distinct, "files copied of those in sample_data.json")


def _read(raw: Path, name: str, *keys: str) -> list[Record]:
    """The records of a table, each with a text for every one of `keys`."""
    records = recipes.read_json(raw / "train_data" / f"{name}.json")
    right = isinstance(records, list) and all(
        isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in keys) for entry in records
    )
    recipes.require(right, f"{name}.json is no list of objects with the texts {', '.join(keys) or 'of a table'}")
    return list(records)


def _sides(train: Iterable[str], test: Iterable[str]) -> dict[str, str]:
    """Tokens with the side they are on; train, where they are on both."""
    return {**dict.fromkeys(test, "test"), **dict.fromkeys(train, "train")}


def _parts(records: list[Record], key: str, side_of: dict[str, str], name: str) -> Parts:
    """Records by the side that `key` is on."""
    for entry in records:
        recipes.require(entry[key] in side_of, f"{name}.json: nothing is known of the {key} {entry[key]!r}")
    return Parts(*([entry for entry in records if side_of[entry[key]] == side] for side in SIDES))


def _write(parts: Parts, public: Path, name: str) -> None:
    for side, records in zip(SIDES, parts, strict=True):
        recipes.write_json(records, public / f"{side}_data" / f"{name}.json")
