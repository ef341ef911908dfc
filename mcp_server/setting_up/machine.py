"""What setting up must know of this machine, read once, so that the rest are values and tests."""

import json
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from config.env_files import layered

PACKAGE = "llm-trading-council"
System = Literal["linux", "macos", "windows"]
_SYSTEMS: Mapping[str, System] = {"Darwin": "macos", "Windows": "windows"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the package was installed from, unless that was an index of packages."""

    address: str
    editable: bool

    @property
    def checkout(self) -> Path | None:
        """Return the folder that is worked in, if it is one."""
        parts = urlsplit(self.address)
        folder = unquote(parts.path)
        if os.name == "nt":
            folder = folder.lstrip("/")
        return Path(folder) if self.editable and parts.scheme == "file" else None


@dataclass(frozen=True, slots=True)
class Machine:
    """The user's folder, the environment, and the Python environment that runs this."""

    system: System
    user_folder: Path
    council_home: Path
    variables: Mapping[str, str]
    python: Path
    scripts: Path
    origin: Origin | None

    def command(self, name: str) -> Path | None:
        """Return the absolute path of a command that the user's shell would find."""
        found = shutil.which(name, path=self.variables.get("PATH", os.defpath))
        return Path(found).absolute() if found else None


def this_machine() -> Machine:
    """Read the machine that this process runs on."""
    variables = dict(os.environ)
    return Machine(
        system=_SYSTEMS.get(platform.system(), "linux"),
        user_folder=Path.home(),
        council_home=layered(variables, Path.cwd()).home,
        variables=variables,
        python=Path(sys.executable),
        scripts=Path(sysconfig.get_path("scripts")),
        origin=_origin(),
    )


def _origin() -> Origin | None:
    try:
        text = distribution(PACKAGE).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    if text is None:
        return None
    said = json.loads(text)
    return Origin(str(said["url"]), bool(said.get("dir_info", {}).get("editable")))
