"""TensorFlow's record files, read without TensorFlow: only to find a text in each record.

A record is its length (8 bytes, little-endian), a check sum of it (4 bytes), a protobuf message
(tensorflow.Example) and a check sum of that (4 bytes). Check sums are not compared.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from core.errors import DataError

LENGTH = struct.Struct("<QI")
CHECK_SUM_BYTES = 4
LARGEST_VARINT_BITS = 64


def tfrecord_texts(path: Path, feature: str) -> Iterator[str]:
    """The first value of the bytes feature `feature` of each record, which is UTF-8 text, in the file's order.

    Raises:
        DataError: the file is missing, not whole or compressed, or a record has no such feature.
    """
    number = 0
    try:
        for record in _records(path):
            yield _text(record, feature.encode())
            number += 1
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except (ValueError, IndexError) as error:
        raise DataError(f"{path} is no whole TFRecord file, see record {number + 1}: {error}") from error


def _records(path: Path) -> Iterator[memoryview]:
    size = path.stat().st_size
    with path.open("rb") as file:
        while head := file.read(LENGTH.size):
            if len(head) < LENGTH.size:
                raise ValueError("it ends within a length")
            length, _ = LENGTH.unpack(head)
            if length > size:
                raise ValueError("a record would be longer than the file")
            record = file.read(length + CHECK_SUM_BYTES)
            if len(record) < length + CHECK_SUM_BYTES:
                raise ValueError("it ends within a record")
            yield memoryview(record)[:length]


def _text(example: memoryview, feature: bytes) -> str:
    # Fields by number. Example 1: features. Features 1: entries. Entry 1: a name, 2: a feature. Feature 1: a list of
    # bytes. List 1: its values.
    entries = (entry for features in _fields(example, 1) for entry in _fields(features, 1))
    named = (entry for entry in entries if any(name == feature for name in _fields(entry, 1)))
    lists = (values for entry in named for found in _fields(entry, 2) for values in _fields(found, 1))
    for value in (value for values in lists for value in _fields(values, 1)):
        return bytes(value).decode()
    raise ValueError(f"there is no feature {feature.decode()!r} of bytes")


def _fields(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """The contents of the fields with the number `wanted` that have a length; all others are skipped."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        match key & 7:
            case 0:  # protobuf's wire types: a varint,
                _, place = _varint(message, place)
            case 1:  # 64 bits,
                place += 8
            case 2:  # what has a length,
                length, start = _varint(message, place)
                place = start + length
                if key >> 3 == wanted and place <= len(message):
                    yield message[start:place]
            case 5:  # 32 bits
                place += 4
            case kind:
                raise ValueError(f"a field has the unknown type {kind}")
    if place > len(message):
        raise ValueError("a field would be longer than its message")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """The number that begins at `place`, seven bits a byte, and the place behind it."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        if shift >= LARGEST_VARINT_BITS:
            raise ValueError("a number has more than 64 bits")
