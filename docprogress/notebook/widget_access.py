"""The interface that widget libraries expect, for objects that have a widget."""

from abc import ABC, abstractmethod
from typing import Any, cast


class WidgetAccess(ABC):
    """Lets libraries use an object in place of its widget: `mo.ui.anywidget(view)`.

    A notebook that only displays the object uses none of this, so no widget is created.
    """

    @property
    @abstractmethod
    def widget(self) -> Any:
        """The widget."""

    @property
    def comm(self) -> Any:
        """The widget's connection to the page."""
        return self.widget.comm

    @property
    def model_id(self) -> str:
        """The widget's id in the page."""
        return cast(str, self.widget.model_id)

    @property
    def _model_id(self) -> str:
        """The same, as marimo reads it."""
        return self.model_id

    def get_state(self, *given: Any, **options: Any) -> dict[str, Any]:
        """The widget's state, as it is sent to the page."""
        return cast(dict[str, Any], self.widget.get_state(*given, **options))

    def set_state(self, state: dict[str, Any]) -> None:
        """Change the widget's state, as the page does."""
        self.widget.set_state(state)
