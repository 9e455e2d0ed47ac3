"""Members follow their container in tables, however late they were found."""

import pytest

from docprogress.client.frames import nested


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], None),
        (["a", "b"], None),
        (["r.1-0001", "r.1-0002"], None),
        (
            ["a", "b", "c", "a.1", "a.2", "b.1", "a.1.1", "zzz.1"],
            ["a", "a.1", "a.1.1", "a.2", "b", "b.1", "c", "zzz.1"],
        ),
    ],
)
def test_documents_are_ordered_with_members_below_their_container(ids, expected):
    order = nested(ids)

    assert (order and [ids[position] for position in order]) == expected
