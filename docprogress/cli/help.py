"""The layout of help texts: commands and options in groups, without types and ranges.

Parameters name their group with `rich_help_panel`.
"""

import shutil
from typing import Any

from typer.core import TyperCommand, TyperGroup

#: The groups of options, in the order in which they are listed.
OUTPUT = "Output options"
SERVICES = "Service options"
_OPTIONS = "Options"
_ORDER = (_OPTIONS, OUTPUT, SERVICES)

#: Columns of the widest help text, and of the narrowest.
WIDEST = 80
NARROWEST = 32

#: The longest first line of a command's help, in characters; none is cut.
LONGEST_LINE = 200

#: The widest name, in columns, that has its description on the same line.
WIDEST_NAME = 26

#: A space at which a line is not wrapped; it is written as a plain one.
_NO_BREAK = "\N{NO-BREAK SPACE}"

_Row = tuple[str, str]


def text_width() -> int:
    """The columns of a help text in this terminal."""
    return max(min(shutil.get_terminal_size().columns, WIDEST) - 2, NARROWEST)


class HelpCommand(TyperCommand):
    """A command whose help lists its options in groups."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The arguments of the usage line."""
        pieces = ["[OPTIONS]"]
        for param in self.get_params(ctx):
            if param.param_type_name == "argument":
                name = _argument(param)
                pieces.append(name if param.required else f"[{name}]")
        return pieces

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, and each group of options."""
        arguments: list[_Row] = []
        groups: dict[str, list[_Row]] = {name: [] for name in _ORDER}
        for param in self.get_params(ctx):
            if getattr(param, "hidden", False):
                continue
            text = _meaning(param)
            if param.param_type_name == "argument":
                arguments.append((_argument(param), text))
            else:
                group = getattr(param, "rich_help_panel", None) or _OPTIONS
                groups[group].append((_option(param), text))
        for title, rows in {"Arguments": arguments, **groups}.items():
            _write(formatter, title, rows)


class HelpGroup(TyperGroup):
    """A group of commands whose help lists them by purpose."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each group of commands."""
        groups: dict[str, list[_Row]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                title = getattr(command, "rich_help_panel", None) or "Commands"
                text = command.get_short_help_str(limit=LONGEST_LINE)
                groups.setdefault(title, []).append((name, text))
        width = max(len(name) for rows in groups.values() for name, _ in rows)
        for title, rows in groups.items():
            _write(
                formatter, title, [(f"{name:<{width}}", text) for name, text in rows]
            )


def _argument(param: Any) -> str:
    name = (getattr(param, "metavar", None) or "").strip("[]")
    return f"{name}..." if getattr(param, "nargs", 1) == -1 else name


def _option(param: Any) -> str:
    names = sorted(
        [*getattr(param, "opts", []), *getattr(param, "secondary_opts", [])], key=len
    )
    name = ", ".join(names)
    flag = getattr(param, "is_flag", False)
    return name if flag else f"{name} {getattr(param, 'metavar', None) or 'VALUE'}"


def _meaning(param: Any) -> str:
    text: str = getattr(param, "help", None) or ""
    default = getattr(param, "default", None)
    shown = getattr(param, "show_default", True)
    if isinstance(shown, str):
        text += f" [default:{_NO_BREAK}{shown}]"
    elif shown and not (default is None or default is False or default == ""):
        text += f" [default:{_NO_BREAK}{default}]"
    elif getattr(param, "required", False) and not _is_argument(param):
        text += " [required]"
    return text.strip()


def _is_argument(param: Any) -> bool:
    return getattr(param, "param_type_name", "") == "argument"


def _write(formatter: Any, title: str, rows: list[_Row]) -> None:
    if rows:
        with formatter.section(title):
            start = len(formatter.buffer)
            widest = min(WIDEST_NAME, formatter.width // 3)
            formatter.write_dl(rows, col_max=widest)
            for number in range(start, len(formatter.buffer)):
                written = formatter.buffer[number]
                formatter.buffer[number] = written.replace(_NO_BREAK, " ")
