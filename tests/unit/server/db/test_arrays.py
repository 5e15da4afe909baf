import struct

import pytest

from tokenbudget_server.db.arrays import BoolArray, Float8Array, Int8Array, JsonbArray, TextArray, UuidArray


@pytest.mark.parametrize(
    ("array", "packed"),
    [
        (
            Int8Array([1, -1]),
            "00000001 00000001 00000014 00000002 00000001 00000008 0000000000000001 00000008 ffffffffffffffff",
        ),
        (Int8Array([None, 2]), "00000001 00000001 00000014 00000002 00000001 ffffffff 00000008 0000000000000002"),
        (Float8Array([1.0]), "00000001 00000001 000002bd 00000001 00000001 00000008 3ff0000000000000"),
        (BoolArray([True]), "00000001 00000001 00000010 00000001 00000001 00000001 01"),
        (TextArray(["é", None, ""]), "00000001 00000001 00000019 00000003 00000001 00000002 c3a9 ffffffff 00000000"),
        (UuidArray([b"\x11" * 16]), "00000001 00000001 00000b86 00000001 00000001 00000010" + "11" * 16),
        (JsonbArray([b"{}"]), "00000001 00000001 00000eda 00000001 00000001 00000003 01 7b7d"),
    ],
)
def test_arrays_are_packed_as_postgres_reads_them(array, packed):
    assert array.packed() == bytes.fromhex(packed)


@pytest.mark.parametrize("values", [[2**63], [None, 2**63]])
def test_a_number_that_does_not_fit_is_refused(values):
    with pytest.raises((OverflowError, struct.error)):
        Int8Array(values).packed()
