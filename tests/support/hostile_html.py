"""Texts that would do harm as HTML, and the elements that a piece of HTML has."""

from html.parser import HTMLParser

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style></td></table></details></div><iframe src=javascript:alert(1)>",
    "[click](javascript:alert(1))",
    "[click](data:text/html,<script>alert(1)</script>)",
    "![picture](https://example.org/tracker.png)",
    '[web](https://example.org/"onmouseover="alert(1))',
    "```\n</code></pre><svg onload=alert(1)>\n```",
    "| a | b |\n| --- | --- |\n| <script> | </td><object data=x> |",
    "<!-- --><style>*{display:none}</style>",
    "# Title <link rel=stylesheet href=//example.org/x.css>",
    "<details open ontoggle=alert(1)>",
]


class Elements(HTMLParser):
    """The elements of a piece of HTML, all of which are closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)
        self.attributes += attrs
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
