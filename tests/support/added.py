"""An environment that adds packages to the one that the tests run in."""

import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Sequence
from pathlib import Path

from support.services import lacking

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


class AddedEnvironment:
    """A virtual environment that has all of the running one's packages, and more.

    Some packages change what every program does where they are installed; here only
    those programs are affected that this environment's Python runs.

    Args:
        folder: The folder, which it makes.
        packages: What it has more, as requirements.
    """

    def __init__(self, folder: Path, packages: Sequence[str]) -> None:
        self.python = folder / "bin" / "python"
        venv = [sys.executable, "-m", "venv", "--without-pip", folder]
        subprocess.run(venv, check=True)
        [site] = folder.glob("lib/python*/site-packages")
        # Unlike a plain path, this heeds the path files of editable installations.
        parents = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        add = "; ".join(f"site.addsitedir({parent!r})" for parent in sorted(parents))
        (site / "added.pth").write_text(f"import site; {add}\n")
        self._install(packages)

    def _install(self, packages: Sequence[str]) -> None:
        pip = [sys.executable, "-m", "pip", "--python", self.python]
        command = [*pip, "install", "--quiet", "--disable-pip-version-check", *packages]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            lacking(
                f"{', '.join(packages)} cannot be installed: {error.stderr[-1000:]}"
            )

    @property
    def variables(self) -> dict[str, str]:
        """What lets Jupyter find what both environments have."""
        share = Path(sysconfig.get_path("data")) / "share" / "jupyter"
        others = os.environ.get("JUPYTER_PATH")
        paths = [str(share), *([others] if others else [])]
        return {
            "JUPYTER_PATH": os.pathsep.join(paths),
            "JUPYTERLAB_DIR": str(share / "lab"),
        }


def group_alone(name: str) -> list[str]:
    """What a dependency group has that the groups it includes have not."""
    groups = tomllib.loads(PYPROJECT.read_text("utf-8"))["dependency-groups"]
    return [entry for entry in groups[name] if isinstance(entry, str)]
