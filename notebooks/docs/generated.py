"""What the documentation says of the package that the package knows itself.

A line `<!-- commands -->` in a page is replaced by what `commands` returns, and so on:
nothing that could become untrue is written by hand.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from typing import Any

import typer
from docutils import nodes
from pydantic_core import PydanticUndefined
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.nodes import make_refnode

import docprogress
from docprogress.cli.app import app as command_line
from docprogress.server import ServerOptions, create_app
from docprogress.settings import MIB, Settings


def commands() -> str:
    """Every command, with its arguments and options."""
    group = typer.main.get_command(command_line)
    parts = []
    for name, command in sorted(group.commands.items()):
        usage = [f"docprogress {name}"]
        rows = []
        for param in command.params:
            positional = param.param_type_name == "argument"
            if positional:
                shown = param.metavar + "…" * (param.nargs == -1)
                usage.append(shown if param.required else f"[{shown.strip('[]')}]")
            else:
                shown = " ".join([param.opts[-1], *filter(None, [_value(param)])])
                usage += [shown] if param.required else []
            default = "" if param.default in (None, False) else f"`{param.default}`"
            rows.append((f"`{shown}`", param.help, default))
        parts += [
            f"## {name}",
            f"```text\n{' '.join(usage)} [OPTION…]\n```",
            command.help.strip(),
            _table(("option", "meaning", "default"), rows),
        ]
    return "\n\n".join(parts)


def _value(param: Any) -> str:
    if param.is_flag:
        return ""
    return param.metavar or param.name.upper()


def settings() -> str:
    """Every setting, with its default."""
    return _fields(Settings, "docprogress.settings")


def server_options() -> str:
    """Every option of the server, with its default."""
    return _fields(ServerOptions, "docprogress.server.options")


def _fields(model: type[Settings] | type[ServerOptions], module: str) -> str:
    told = ModuleAnalyzer.for_module(module).find_attr_docs()
    rows = []
    for name, field in model.model_fields.items():
        said = " ".join(told.get((model.__name__, name), [])).strip()
        shown = ""
        if field.default not in (None, (), PydanticUndefined):
            shown = f"`{field.default}`"
        if name in ("max_bytes", "worker_memory"):
            shown = f"{field.default // MIB} MiB"
        rows.append((f"`{name}`", shown, said))
    return _table(("setting", "default", "meaning"), rows)


def fields() -> str:
    """The fields of an event, from its schema."""
    rows = []
    described = json.loads(_schema())
    for name, field in described["properties"].items():
        if "enum" in field:
            kind = " ".join(f"`{value}`" for value in field["enum"])
        else:
            kinds = field["type"]
            kind = kinds if isinstance(kinds, str) else kinds[0]
        needed = "yes" if name in described["required"] else ""
        rows.append((f"`{name}`", kind, needed, field.get("description", "")))
    return _table(("field", "type", "always", "meaning"), rows)


def schema() -> str:
    """The schema of an event, as it is shipped."""
    return f"```json\n{_schema()}```"


def _schema() -> str:
    return (files(docprogress) / "event.schema.json").read_text("utf-8")


def routes() -> str:
    """What may be asked of the server."""
    with tempfile.TemporaryDirectory() as home:
        described = create_app(Settings(home=home)).openapi()
    rows = [
        (f"`{method.upper()} {path}`", _first(route.get("description", "")))
        for path, methods in described["paths"].items()
        for method, route in methods.items()
    ]
    return _table(("request", "answer"), rows)


def _first(text: str) -> str:
    return re.split(r"(?<=\.)\s", text.strip(), maxsplit=1)[0].replace("\n", " ")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown, without the columns that hold nothing."""
    columns = [column for column in zip(head, *rows, strict=True) if any(column[1:])]
    lines = list(zip(*columns, strict=True))
    drawn = [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |"
        for line in lines
    ]
    return "\n".join([drawn[0], "|---" * len(columns) + "|", *drawn[1:]])


GENERATED: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "settings": settings,
    "server options": server_options,
    "fields": fields,
    "routes": routes,
    "schema": schema,
}


def _fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace each line that asks for something by what it asks for."""
    if app.env.doc2path(docname).suffix == ".ipynb":
        source[0] = _as_a_page(source[0])
        return
    source[0] = re.sub(
        r"^<!-- ([a-z ]+) -->$",
        lambda found: GENERATED[found[1]](),
        source[0],
        flags=re.MULTILINE,
    )


def _as_a_page(notebook: str) -> str:
    """A notebook without what only a notebook needs.

    A page begins with its title where a notebook begins with the cell that is to be
    run, and what a cell has taken back again leaves no empty box.
    """
    told = json.loads(notebook)
    if told["cells"][0]["cell_type"] == "code":
        told["cells"][:2] = reversed(told["cells"][:2])
    for cell in told["cells"]:
        if "outputs" in cell:
            cell["outputs"] = [
                output
                for output in cell["outputs"]
                if any("".join(held) for held in output.get("data", output).values())
            ]
    return json.dumps(told)


def _link(
    app: Sphinx,
    env: BuildEnvironment,
    node: addnodes.pending_xref,
    shown: nodes.TextElement,
) -> nodes.reference | None:
    """Link a name to where it is documented, wherever the annotation found it."""
    if node.get("refdomain") != "py":
        return None
    name = node["reftarget"].rpartition(".")[2]
    for target, found in env.domains.python_domain.objects.items():
        if target.rpartition(".")[2] == name and found.objtype in _TYPES:
            return make_refnode(
                app.builder, node["refdoc"], found.docname, found.node_id, shown, target
            )
    return None


#: What an annotation can name.
_TYPES = ("class", "exception")


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.connect("source-read", _fill_in)
    app.connect("missing-reference", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
