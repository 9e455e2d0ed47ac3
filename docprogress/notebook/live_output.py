"""What stands in the cells of a notebook: put there, and replaced later."""

from typing import Any

from IPython.display import publish_display_data


def publish(
    data: dict[str, Any], *, display_id: str | None = None, update: bool = False
) -> None:
    """Show something in the cell that runs, or in place of what was shown before.

    Any thread may call it, also after the cell has ended.

    Args:
        data: The same thing as several media types.
        display_id: What it is replaced by later.
        update: Whether it takes the place of what has this id.
    """
    transient = {} if display_id is None else {"display_id": display_id}
    publish_display_data(data, transient=transient, update=update)  # type: ignore[no-untyped-call]
