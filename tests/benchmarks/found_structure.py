"""The headings, list items and tables of a Markdown text, as markdown-it parses it."""

from markdown_it import MarkdownIt
from markdown_it.token import Token
from sources import Truth

_PARSER = MarkdownIt("commonmark").enable("table")


def found(markdown: str) -> Truth:
    truth = Truth()
    tokens = _PARSER.parse(markdown)
    depth = -1
    item_open = False
    for place, token in enumerate(tokens):
        match token.type:
            case "heading_open":
                truth.headings.append((int(token.tag[1]), _text(tokens[place + 1])))
            case "bullet_list_open" | "ordered_list_open":
                depth += 1
            case "bullet_list_close" | "ordered_list_close":
                depth -= 1
            case "list_item_open":
                item_open = True
            case "inline" if item_open:
                truth.items.append((depth, _text(token)))
                item_open = False
            case "table_open":
                truth.tables.append([])
            case "tr_open":
                truth.tables[-1].append([])
            case "th_open" | "td_open":
                truth.tables[-1][-1].append(_text(tokens[place + 1]))
    return truth


def _text(inline: Token) -> str:
    pieces = []
    for token in inline.children or ():
        if token.type in ("softbreak", "hardbreak"):
            pieces.append("\n")
        elif token.type == "html_inline":
            line_break = token.content.lower().startswith("<br")
            pieces.append("\n" if line_break else token.content)
        elif token.type in ("text", "text_special", "code_inline"):
            pieces.append(token.content)
    return "".join(pieces)
