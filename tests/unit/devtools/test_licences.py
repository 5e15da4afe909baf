from email.message import Message

import pytest

from devtools import licences


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("", False),
        ("MIT AND GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only AND MIT OR 0BSD", True),
        ("GPL-3.0-only AND (MIT OR 0BSD)", False),
        ("(MIT OR (GPL-3.0-only AND ISC)) AND Zlib", True),
        ("Apache-2.0 WITH LLVM-exception", True),
    ],
)
def test_an_expression_permits_or_not(expression, allowed):
    assert licences.permits(expression) == allowed


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ([("License-Expression", "MIT AND PSF-2.0"), ("License", "GPL")], "MIT AND PSF-2.0"),
        ([("Classifier", "License :: OSI Approved :: MIT License"), ("License", "see LICENSE")], "MIT"),
        (
            [
                ("Classifier", f"License :: OSI Approved :: {each}")
                for each in ("BSD License", "Apache Software License")
            ],
            "BSD-3-Clause OR Apache-2.0",
        ),
        ([("Classifier", "License :: OSI Approved :: GNU General Public License v3 (GPLv3)")], ""),
        ([("License", "Apache 2.0\nand its text")], "Apache-2.0"),
        ([("License", "Proprietary")], "Proprietary"),
        ([], ""),
    ],
)
def test_metadata_says_it_in_several_ways(fields, expression):
    about = Message()
    for name, value in fields:
        about[name] = value.replace("\n", "\n ")
    assert licences._expression(about) == expression


def test_a_licence_that_is_not_allowed_fails_the_check(monkeypatch, capsys):
    assert [*licences.refused()] == []
    assert licences.main() == 0
    monkeypatch.setattr(licences, "ALLOWED", licences.ALLOWED - {"MIT"})
    assert licences.main() == 1
    said = capsys.readouterr().out
    assert "react: MIT" in said
    assert "litestar: MIT" in said
