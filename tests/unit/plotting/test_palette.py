from tokenbudget.plotting import palette


def test_more_groups_than_colours_still_have_one_each() -> None:
    groups = [f"g{n}" for n in range(20)]
    assert set(palette.colours(groups)) == set(groups)
    assert not {palette.OTHER, palette.NONE} & set(palette.colours(groups).values())
