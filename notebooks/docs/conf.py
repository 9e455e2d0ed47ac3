"""Sphinx configuration for the pages here, the notebooks, and the docstrings.

    sphinx-build -W --keep-going -n -c notebooks/docs notebooks build/docs

The build executes no notebook and fetches nothing: the stored outputs are verified by
the tests, and reference pages are generated from the package.
"""

import sys
from pathlib import Path
from typing import Any

import docprogress

sys.path.insert(0, str(Path(__file__).parent))

project = "docprogress"
author = "The docprogress authors"
project_copyright = "the docprogress authors"
version = release = docprogress.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated"]
include_patterns = ["index.md", "*.ipynb", "docs/*.md"]
nitpicky = True
# Looking up other projects' names would need a network. Of ours, those that users
# neither create nor import.
nitpick_ignore_regex = [
    ("py:.*", r"(?!docprogress\.).*"),
    ("py:.*", r"docprogress\..*\.(Application|Connections|Correction|DocumentTiming)"),
    ("py:.*", r"docprogress\..*\.(Move|Publisher|Source|SourceRow|Store|UploadView|T)"),
]

nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# `name` in a docstring is code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 76

html_theme = "furo"
html_title = "docprogress"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#00695c"},
    "dark_css_variables": {"color-brand-primary": "#4db6ac"},
}
pygments_style = "friendly"
pygments_dark_style = "monokai"

#: The page on which Sphinx shows what a search of the site found. Its own name for it
#: is that of a notebook.
SEARCH_PAGE = "find"


def setup(app: Any) -> None:
    """Have Sphinx write its page for searches under another name."""
    app.connect("builder-inited", _rename_search_page)
    app.connect("html-page-context", _lead_to_search_page)


def _rename_search_page(app: Any) -> None:
    handle = getattr(app.builder, "handle_page", None)
    if handle is None:
        return

    def handle_page(
        pagename: str,
        addctx: dict[str, Any],
        templatename: str = "page.html",
        *rest: Any,
        **options: Any,
    ) -> None:
        if templatename == "search.html":
            pagename = SEARCH_PAGE
        handle(pagename, addctx, templatename, *rest, **options)

    app.builder.handle_page = handle_page


def _lead_to_search_page(
    _app: Any, _page: str, _template: str, context: dict[str, Any], _tree: Any
) -> None:
    path_to = context.get("pathto")
    if path_to is not None:
        # The form in the sidebar; links to the notebook are not made with it.
        context["pathto"] = lambda name, *rest, **options: path_to(
            SEARCH_PAGE if name == "search" else name, *rest, **options
        )
