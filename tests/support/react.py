"""React, as modules that a browser can import."""

import json
import os
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1] / "frontend"


PACKAGES = HERE / "node_modules"


#: React as a browser's modules: what each is made of, needs and names.
REACT = {
    "react": (
        "react/cjs/react.development.js",
        [],
        ["createElement", "StrictMode", "useEffect", "useId", "useRef", "useState"],
    ),
    "scheduler": ("scheduler/cjs/scheduler.development.js", [], []),
    "react-dom": ("react-dom/cjs/react-dom.development.js", ["react"], []),
    "react-dom/client": (
        "react-dom/cjs/react-dom-client.development.js",
        ["react", "react-dom", "scheduler"],
        ["createRoot"],
    ),
}


@pytest.fixture(scope="module")
def packages():
    """Packages of npm, real ones."""
    if not (HERE.parents[1] / "docprogress").is_dir():
        pytest.skip("the sources are not here: it is the wheel that is tested")
    if not (PACKAGES / "react").is_dir():
        reason = "npm's packages are not installed: run `npm ci` in tests/frontend"
        if "CI" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    return PACKAGES


def as_module(packages, name):
    """A package that is written for Node, as a module for browsers."""
    path, needed, names = REACT[name]
    imports = [f"import need{i} from {json.dumps(n)};" for i, n in enumerate(needed)]
    given = ", ".join(f"{json.dumps(n)}: need{i}" for i, n in enumerate(needed))
    exports = (
        [f"export const {{{', '.join(names)}}} = module.exports;"] if names else []
    )
    return "\n".join(
        [
            *imports,
            "const module = {exports: {}}, exports = module.exports;",
            "const process = {env: {NODE_ENV: 'development'}};",
            f"const require = name => ({{{given}}})[name];",
            f"(function () {{{(packages / path).read_text('utf-8')}\n}})();",
            "export default module.exports;",
            *exports,
        ]
    )
