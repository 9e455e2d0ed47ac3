"""Sphinx configuration for the pages here, the notebooks, and the docstrings.

    sphinx-build -W --keep-going -n -c notebooks/docs notebooks build/docs

The build executes no notebook and fetches nothing: the stored outputs are verified by
the tests, and reference pages are generated from the package.
"""

import sys
from pathlib import Path

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
    ("py:.*", r"docprogress\..*\.(Application|Connections|DocumentTiming|Publisher)"),
    ("py:.*", r"docprogress\..*\.(Source|Store|UploadView|T)"),
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
