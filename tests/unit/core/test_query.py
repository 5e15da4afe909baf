import pytest

from tokenbudget.core import query
from tokenbudget.core.errors import QueryError


@pytest.mark.parametrize("name", ["", "a b", "tag.", "x" * 65, "né"])
def test_what_cannot_be_a_dimension_is_refused(name: str) -> None:
    with pytest.raises(QueryError):
        query.column(name)
