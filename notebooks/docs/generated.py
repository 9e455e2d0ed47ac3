"""Sphinx extension that generates reference tables from the package.

A line `<!-- commands -->` in a page is replaced by the result of `commands`, and so
on, so that the reference cannot become outdated.
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
            if isinstance(param.show_default, str):
                default = param.show_default
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
    comments = ModuleAnalyzer.for_module(module).find_attr_docs()
    rows = []
    for name, field in model.model_fields.items():
        meaning = " ".join(comments.get((model.__name__, name), [])).strip()
        shown = ""
        if field.default not in (None, (), PydanticUndefined):
            shown = f"`{field.default}`"
        if name in ("max_bytes", "worker_memory"):
            shown = f"{field.default // MIB} MiB"
        rows.append((f"`{name}`", shown, meaning))
    return _table(("setting", "default", "meaning"), rows)


def fields() -> str:
    """The fields of an event, from its schema."""
    rows = []
    described = json.loads(_schema())
    for name, field in described["properties"].items():
        if "enum" in field:
            kind = " ".join(f"`{value}`" for value in field["enum"])
        else:
            kinds = field.get("type", "any")
            kind = kinds if isinstance(kinds, str) else kinds[0]
        needed = "yes" if name in described["required"] else ""
        rows.append((f"`{name}`", kind, needed, field.get("description", "")))
    return _table(("field", "type", "always", "meaning"), rows)


def schema() -> str:
    """The schema of an event."""
    return f"```json\n{_schema()}```"


def _schema() -> str:
    return (files(docprogress) / "event.schema.json").read_text("utf-8")


def routes() -> str:
    """Every endpoint of the server."""
    with tempfile.TemporaryDirectory() as home:
        described = create_app(Settings(home=home)).openapi()
    rows = [
        (f"`{method.upper()} {path}`", _first(route.get("description", "")))
        for path, methods in described["paths"].items()
        for method, route in methods.items()
    ]
    return _table(("request", "response"), rows)


def _first(text: str) -> str:
    return re.split(r"(?<=\.)\s", text.strip(), maxsplit=1)[0].replace("\n", " ")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown, without empty columns."""
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
    """Replace the placeholders of a page, or prepare a notebook."""
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
    """A notebook with its title first, and without empty outputs."""
    content = json.loads(notebook)
    if content["cells"][0]["cell_type"] == "code":
        content["cells"][:2] = reversed(content["cells"][:2])
    for cell in content["cells"]:
        if "outputs" in cell:
            cell["outputs"] = [
                output
                for output in cell["outputs"]
                if any("".join(held) for held in output.get("data", output).values())
            ]
    return json.dumps(content)


def _link(
    app: Sphinx,
    env: BuildEnvironment,
    node: addnodes.pending_xref,
    shown: nodes.TextElement,
) -> nodes.reference | None:
    """Link a name in an annotation to its documentation, in whatever module it is."""
    if node.get("refdomain") != "py":
        return None
    name = node["reftarget"].rpartition(".")[2]
    for target, found in env.domains.python_domain.objects.items():
        if target.rpartition(".")[2] == name and found.objtype in _TYPES:
            return make_refnode(
                app.builder, node["refdoc"], found.docname, found.node_id, shown, target
            )
    return None


#: Kinds of objects that annotations name.
_TYPES = ("class", "exception")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", _fill_in)
    app.connect("missing-reference", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
