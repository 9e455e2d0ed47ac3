"""Files that are text: RTF, HTML, CSV, and what people write markup in."""

import csv
import io
import json

from .content import Content, Heading, Prose, Table, escape, quoteattr, xml


def rtf(content: Content) -> bytes:
    body = ""
    for block in content.blocks:
        match block:
            case Heading(text):
                body += rf"{{\pard\b\fs32 {_escaped(text)}\par}}" "\n"
            case Prose(text):
                body += rf"{{\pard\f0\fs22 {_escaped(text)}\par}}" "\n"
            case Table(rows):
                for row in rows:
                    edges = "".join(
                        rf"\cellx{2000 * n}" for n in range(1, len(row) + 1)
                    )
                    cells = "".join(rf"\intbl {_escaped(cell)}\cell " for cell in row)
                    body += rf"\trowd{edges}{cells}\row" "\n"
    head = (
        r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\froman Times New Roman;}}"
        rf"{{\info{{\title {_escaped(content.title)}}}{{\author {content.author}}}}}"
    )
    return f"{head}\n{body}}}".encode("ascii")


def _escaped(text: str) -> str:
    made = []
    for letter in text:
        if letter in "\\{}":
            made.append(f"\\{letter}")
        elif ord(letter) < 128:
            made.append(letter)
        else:
            data = letter.encode("utf-16-le")
            units = (data[i] | data[i + 1] << 8 for i in range(0, len(data), 2))
            made += [rf"\u{unit - 65536 if unit > 32767 else unit}?" for unit in units]
    return "".join(made)


def html(content: Content, *, xhtml: bool = False) -> bytes:
    body = "\n".join(map(_element, content.blocks))
    space = ' xmlns="http://www.w3.org/1999/xhtml"' if xhtml else ""
    page = (
        f'<html{space} lang="{content.language}"><head><meta charset="utf-8"/>'
        f"<title>{escape(content.title)}</title></head>\n<body>\n{body}\n</body></html>"
    )
    return (xml(page) if xhtml else f"<!DOCTYPE html>\n{page}").encode()


def _element(block: Heading | Prose | Table) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Prose(text):
            return f"<p>{escape(text)}</p>"
        case Table(rows):
            made = "".join(
                f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n"
                for row in rows
            )
            return f"<table>\n{made}</table>"


def separated(content: Content, delimiter: str = ",") -> bytes:
    """CSV: the tables' rows, and prose as rows of one field."""
    made = io.StringIO()
    writer = csv.writer(made, delimiter=delimiter, lineterminator="\r\n")
    for block in content.blocks:
        writer.writerows(block.rows if isinstance(block, Table) else [(block.text,)])
    return made.getvalue().encode()


def markdown(content: Content) -> bytes:
    return "\n\n".join(map(_marked, content.blocks)).encode() + b"\n"


def _marked(block: Heading | Prose | Table) -> str:
    match block:
        case Heading(text):
            return f"## {text}"
        case Prose(text):
            return text
        case Table(rows):
            lines = [f"| {' | '.join(row)} |" for row in rows]
            return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def notebook(content: Content) -> bytes:
    """A Jupyter notebook: prose in Markdown cells, and a cell of code."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": [_marked(block)]}
        for block in content.blocks
    ]
    cells.append(
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": ["print(6 * 7)"],
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["42\n"]}],
        }
    )
    made = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(made, ensure_ascii=False, indent=1).encode()


def json_(content: Content) -> bytes:
    made = {"title": content.title, "author": content.author}
    return json.dumps(
        made | {"texts": list(content.texts())}, ensure_ascii=False, indent=1
    ).encode()


def xml_(content: Content) -> bytes:
    texts = "\n".join(f"  <text>{escape(text)}</text>" for text in content.texts())
    return xml(
        f"<notes title={quoteattr(content.title)}>\n{texts}\n</notes>\n"
    ).encode()


def underlined(content: Content) -> bytes:
    """reStructuredText."""
    lines = [content.title, "=" * len(content.title), ""]
    for block in content.blocks:
        match block:
            case Heading(text):
                lines += [text, "-" * len(text), ""]
            case Prose(text):
                lines += [text, ""]
            case Table(rows):
                lines += [".. csv-table::", ""]
                lines += [f"   {', '.join(row)}" for row in rows]
    return "\n".join(lines).encode() + b"\n"


def org(content: Content) -> bytes:
    return _prefixed(content, f"#+TITLE: {content.title}", "* ")


def adoc(content: Content) -> bytes:
    return _prefixed(content, f"= {content.title}", "== ")


def _prefixed(content: Content, head: str, mark: str) -> bytes:
    lines = [head]
    for block in content.blocks:
        match block:
            case Heading(text):
                lines.append(mark + text)
            case Prose(text):
                lines.append(text)
            case Table(rows):
                lines.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join(lines).encode() + b"\n"


def tex(content: Content) -> bytes:
    body = []
    for block in content.blocks:
        match block:
            case Heading(text):
                body.append(rf"\section{{{text}}}")
            case Prose(text):
                body.append(text)
            case Table(rows):
                lines = " \\\\\n".join(" & ".join(row) for row in rows)
                columns = "l" * len(rows[0])
                body.append(
                    f"\\begin{{tabular}}{{{columns}}}\n{lines}\n\\end{{tabular}}"
                )
    return "\n\n".join(
        [
            "\\documentclass{article}",
            rf"\title{{{content.title}}}",
            "\\begin{document}",
            *body,
            "\\end{document}\n",
        ]
    ).encode()
