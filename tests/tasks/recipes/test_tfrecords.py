"""Texts out of TensorFlow's record files, of which the tests write some by the format's definition."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DataError
from tasks import recipes

quickly = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def varint(value: int) -> bytes:
    head, rest = value & 0x7F, value >> 7
    return bytes([head | 0x80]) + varint(rest) if rest else bytes([head])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def entry(name: str, feature: bytes) -> bytes:
    """An entry of the features of an Example."""
    return field(1, field(1, name.encode()) + field(2, feature))


def texts(*values: str) -> bytes:
    return field(1, b"".join(field(1, value.encode()) for value in values))


def record(*entries: bytes) -> bytes:
    example = field(1, b"".join(entries))
    return struct.pack("<QI", len(example), 1) + example + b"sums"


INTEGERS = field(3, field(1, varint(7) + varint(1 << 63)))
FLOATS = field(2, field(1, struct.pack("<2f", 0.5, 3.25)))
OTHERS = [entry("target", INTEGERS), entry("age", FLOATS), entry("image", texts("\x00\xff" * 300))]


def read(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    return list(recipes.tfrecord_texts(path, "image_name"))


@quickly
@given(
    names=st.lists(st.text(max_size=50), max_size=3),
    others=st.lists(st.sampled_from(OTHERS), max_size=4),
    place=st.integers(0, 4),
)
def test_the_text_of_each_record_is_found_wherever_it_stands(
    names: list[str], others: list[bytes], place: int, tmp_path: Path
) -> None:
    content = b""
    for name in names:
        entries = [*others[:place], entry("image_name", texts(name, "a second value")), *others[place:]]
        content += record(*entries)
    assert read(tmp_path / "a.tfrec", content) == names


def test_fields_of_every_type_are_skipped(tmp_path: Path) -> None:
    fields = varint(5 << 3) + varint(1 << 40) + varint(6 << 3 | 1) + b"8 bytes." + varint(7 << 3 | 5) + b"four"
    example = fields + field(2, b"no features") + field(1, entry("image_name", texts("x"))) + fields
    content = struct.pack("<QI", len(example), 1) + example + b"sums"
    assert read(tmp_path / "a.tfrec", content) == ["x"]


@quickly
@given(data=st.data())
def test_a_file_that_is_cut_is_refused(data: st.DataObject, tmp_path: Path) -> None:
    one = record(*OTHERS, entry("image_name", texts("ISIC_1")))
    end = data.draw(st.integers(1, 2 * len(one) - 1).filter(lambda end: end != len(one)))
    with pytest.raises(DataError, match=rf"a\.tfrec is no whole TFRecord file, see record {1 + end // len(one)}"):
        read(tmp_path / "a.tfrec", (one + one)[:end])


@quickly
@given(example=st.binary(max_size=300))
def test_whatever_a_record_holds_nothing_but_a_data_error_is_raised(example: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.tfrec is no whole TFRecord file"):
        read(tmp_path / "a.tfrec", struct.pack("<QI", len(example), 1) + example + b"sums")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (record(entry("image", texts("x"))), "no feature 'image_name'"),
        (record(entry("image_name", INTEGERS)), "no feature 'image_name' of bytes"),
        (record(entry("image_name", texts())), "no feature 'image_name' of bytes"),
        (b"\x1f\x8b\x08" + bytes(9) + b"compressed", "longer than the file"),
        (struct.pack("<QI", 3, 1) + b"\x08\xff\xff" + b"sums", "see record 1"),
        (struct.pack("<QI", 12, 1) + b"\x08" + b"\xff" * 11 + b"sums", "64 bits"),
        (struct.pack("<QI", 1, 1) + b"\x0b" + b"sums", "unknown type 3"),
    ],
)
def test_a_file_that_is_no_such_thing_is_refused_with_a_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=reason):
        read(tmp_path / "a.tfrec", content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"b\.tfrec is missing"):
        list(recipes.tfrecord_texts(tmp_path / "b.tfrec", "image_name"))
