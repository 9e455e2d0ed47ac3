"""The elements of HTML, by their meaning for the text."""

#: Elements whose content is not markup; only `textarea` is visible text.
RAW = frozenset(
    "script style xmp iframe noembed noframes title textarea".split()  # noqa: SIM905
)

#: Elements that are hidden with their content.
NOT_SHOWN = frozenset(
    "template noscript datalist annotation annotation-xml".split()  # noqa: SIM905
)

VOID = frozenset(
    "area base br col embed hr img input link meta source track wbr".split()  # noqa: SIM905
)

#: Elements that begin and end a line, and those surrounded by empty lines.
LINES = frozenset(
    "address article aside body button caption center dd details dialog dir div dt "  # noqa: SIM905
    "fieldset figcaption figure footer form head header hr html legend li main menu "
    "nav ol optgroup option search section select summary tbody tfoot thead title tr "
    "ul".split()
)
PARAGRAPHS = frozenset("blockquote dl h1 h2 h3 h4 h5 h6 p pre table".split())  # noqa: SIM905

_GROUPS = frozenset(("tbody", "thead", "tfoot"))
_BLOCKS = (LINES | PARAGRAPHS) - {"button", "option", "optgroup", "title", "caption"}

#: Elements whose end tag may be omitted: the start tags that end each, and the elements
#: inside it whose content cannot.
IMPLIED_ENDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "p": (_BLOCKS, frozenset(("button", "object"))),
    "li": (frozenset(("li",)), frozenset(("ul", "ol", "menu", "dir"))),
    "dt": (frozenset(("dt", "dd")), frozenset(("dl",))),
    "dd": (frozenset(("dt", "dd")), frozenset(("dl",))),
    "option": (frozenset(("option", "optgroup")), frozenset(("select",))),
    "optgroup": (frozenset(("optgroup",)), frozenset(("select",))),
    "rt": (frozenset(("rt", "rp")), frozenset(("ruby",))),
    "rp": (frozenset(("rt", "rp")), frozenset(("ruby",))),
    "td": (frozenset(("td", "th", "tr")) | _GROUPS, frozenset(("table",))),
    "th": (frozenset(("td", "th", "tr")) | _GROUPS, frozenset(("table",))),
    "tr": (frozenset(("tr",)) | _GROUPS, frozenset(("table",))),
    **{name: (_GROUPS, frozenset(("table",))) for name in _GROUPS},
}

#: Elements whose end closes an element above that has no end tag of its own.
PARENTS = LINES | PARAGRAPHS | {"ruby", "td", "th"}

#: What scripts show as soon as a page is loaded: hiding it would hide everything.
ALWAYS_SHOWN = VOID | {"html", "body", "head"}
