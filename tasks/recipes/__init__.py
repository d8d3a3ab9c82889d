"""The vocabulary of preparers: what recurs on the way from raw data to the public and the private part.

    from tasks import recipes

    table = recipes.read_csv(raw / "train.csv.zip")
    train, test = recipes.split(table, test_size=0.1)
    recipes.write_csv(train, public / "train.csv")

What goes wrong with the data is a DataError. Files are written once: a recipe never overwrites.
"""

from core.files import read_lines
from tasks.recipes.checks import require, require_columns, require_disjoint, require_equal
from tasks.recipes.chunks import read_csv_chunks
from tasks.recipes.files import copy_files, names_in, write_json
from tasks.recipes.floats import read_csv_old_floats
from tasks.recipes.folders import copy_folders
from tasks.recipes.json_files import read_json, read_records
from tasks.recipes.packing import NewZip, new_zip, write_7z, write_tar, write_zip
from tasks.recipes.tables import (
    hold_out,
    one_hot,
    package_table,
    read_csv,
    renumbered,
    sample_of,
    shuffled,
    split,
    with_ids,
    write_csv,
    write_parts,
)
from tasks.recipes.tfrecords import tfrecord_texts

__all__ = [
    "NewZip",
    "copy_files",
    "copy_folders",
    "hold_out",
    "names_in",
    "new_zip",
    "one_hot",
    "package_table",
    "read_csv",
    "read_csv_chunks",
    "read_csv_old_floats",
    "read_json",
    "read_lines",
    "read_records",
    "renumbered",
    "require",
    "require_columns",
    "require_disjoint",
    "require_equal",
    "sample_of",
    "shuffled",
    "split",
    "tfrecord_texts",
    "with_ids",
    "write_7z",
    "write_csv",
    "write_json",
    "write_parts",
    "write_tar",
    "write_zip",
]
