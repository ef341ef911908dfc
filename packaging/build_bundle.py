"""Builds the `.mcpb` bundle: the program and its lock file, which the host's own uv installs.

    python packaging/build_bundle.py [--stage-only] [--out DIR]

`--stage-only` leaves the folder that would be packed; else the official packer makes the file.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUNDLE = ROOT / "packaging" / "mcpb"
PACKER = ("npx", "-y", "@anthropic-ai/mcpb@2.1.2")
FILES = ("pyproject.toml", "uv.lock", "README.md")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


def main() -> int:
    """Stage the bundle and pack it; 1 with a sentence where that cannot be done."""
    parser = argparse.ArgumentParser(description="Build the .mcpb bundle.")
    parser.add_argument("--stage-only", action="store_true", help="leave the folder, pack nothing")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where it is put")
    chosen = parser.parse_args()
    try:
        staged = stage(chosen.out)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"{staged}\n")
    return 0 if chosen.stage_only else pack(staged, chosen.out)


def stage(out: Path) -> Path:
    """Copy what the bundle holds into a fresh folder under `out` and return it.

    Raises:
        ValueError: the manifest names another version than pyproject.toml.
        FileNotFoundError: there is no lock file.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    version = project["project"]["version"]
    manifest = json.loads((BUNDLE / "manifest.json").read_text(encoding="utf-8"))
    if manifest["version"] != version:
        raise ValueError(f"manifest.json says {manifest['version']}, pyproject.toml {version}")
    staged = out / "bundle"
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(BUNDLE, staged, ignore=shutil.ignore_patterns("*.svg"))
    for name in FILES:
        if not (ROOT / name).is_file():
            raise FileNotFoundError(f"{name} is missing: `uv lock` makes the lock file")
        shutil.copy2(ROOT / name, staged / name)
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        shutil.copytree(ROOT / package, staged / package, ignore=LEFT_OUT)
    return staged


def pack(staged: Path, out: Path) -> int:
    """Let the official packer make the file; its exit code."""
    version = json.loads((staged / "manifest.json").read_text(encoding="utf-8"))["version"]
    bundle = out / f"llm-trading-council-{version}.mcpb"
    npx = shutil.which(PACKER[0])
    if npx is None:
        sys.stderr.write("error: npx is missing; install Node 20 or newer, or use --stage-only\n")
        return 1
    command = (npx, *PACKER[1:], "pack", str(staged), str(bundle))
    return subprocess.run(command, check=False).returncode  # noqa: S603 - words of our own


if __name__ == "__main__":
    sys.exit(main())
