import pytest

from tokenbudget.imports import lines

MARKER = (b'"usage"',)


def read(path, offset=0):
    *found, end = lines.read_lines(path, offset, MARKER)
    return [line.record for line in found], end.end


def test_lines_without_the_marker_are_passed_over(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"usage":1}\n{"text":"\\"usage\\""}\n{"usage":2}\n')
    assert read(path) == ([b'{"usage":1}', b'{"usage":2}'], path.stat().st_size)


@pytest.mark.parametrize("chunk", [1, 7, 16, 1 << 20])
def test_pieces_of_any_size_give_the_same_lines(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(lines, "_CHUNK", chunk)
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"a":1}\n{"usage":1,"b":[1,2,3]}\n\n{"c":0}\n{"usage":2}\n')
    assert read(path) == ([b'{"usage":1,"b":[1,2,3]}', b'{"usage":2}'], path.stat().st_size)
    assert read(path, 8)[0] == [b'{"usage":1,"b":[1,2,3]}', b'{"usage":2}']


def test_a_line_that_is_being_written_is_left_for_the_next_time(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"usage":1}\n{"usage":2')
    assert read(path) == ([b'{"usage":1}'], 12)
    path.write_bytes(b'{"usage":1}\n{"usage":2}')
    assert read(path, 12) == ([b'{"usage":2}'], 23)
    path.write_bytes(b'{"usage":1}\n{"usage":2}\n{"usage":3}\n')
    assert read(path, 23) == ([b'{"usage":3}'], 36)
