"""The wheel, built as pip builds it, and installed where nothing of the clone is seen."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plugin.workspace import LONGEST_RUN_S, ROOT, environment

__all__ = ["Installed", "build_wheel"]


def build_wheel(folder: Path) -> Path:
    """Build it; the test is skipped where the build backend cannot be had."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet"),
            *("-w", str(folder), str(ROOT)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode and "No matching distribution" in done.stderr:
        pytest.skip("no index to take the build backend from")
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@dataclass(frozen=True)
class Installed:
    """A user's folder, with the wheel in an environment of its own inside it.

    What the package depends on comes from this environment: torch is not installed once more.
    """

    folder: Path

    @classmethod
    def make(cls, folder: Path, wheel: Path) -> Installed:
        made = cls(folder)
        folder.mkdir()
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", str(folder / ".venv")], check=True
        )
        # The wheel first: pip takes a package for installed that it finds anywhere on the path.
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--python", str(made.bin / "python"), "install"),
                *("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)),
            ],
            check=True,
            env=made.environment(),
        )
        ours = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        # Folders named in a .pth file come after the environment's own; .pth files in them, and
        # with them editable installations, are not read.
        (made.site_packages / "dependencies.pth").write_text("\n".join(ours) + "\n", "utf-8")
        return made

    @property
    def bin(self) -> Path:
        return self.folder / ".venv" / ("Scripts" if sys.platform == "win32" else "bin")

    @property
    def site_packages(self) -> Path:
        (found,) = (self.folder / ".venv").rglob("site-packages")
        return found

    def environment(self) -> dict[str, str]:
        """Without what would lead to the clone."""
        kept = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
        return kept | {"XDG_CACHE_HOME": str(self.folder.with_name(f"{self.folder.name}_cache"))}

    def pytest(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run pytest in the folder as its script does: the folder is not on the path by itself."""
        return self.run(self.bin / "python", "-P", "-m", "pytest", *words)

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(word) for word in words],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LONGEST_RUN_S,
        )
