"""What is handed to others: the bundle for Claude Desktop and the registry's `server.json`."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import mcp
import pytest
from mcp import StdioServerParameters

from config.settings import Settings
from tests.hosts.tools import installed_tools
from tests.mcp_server.installations import hosts_environment

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
REGISTRY_NAME = re.compile(r"[A-Za-z0-9.-]+/[A-Za-z0-9._-]+")
LONGEST_DESCRIPTION = 100


def document(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


MANIFEST = document(PACKAGING / "mcpb" / "manifest.json")
SERVER = document(PACKAGING / "server.json")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def staged(out: Path) -> Path:
    builder = (
        sys.executable,
        str(PACKAGING / "build_bundle.py"),
        "--stage-only",
        "--out",
        str(out),
    )
    done = subprocess.run(builder, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def test_every_manifest_names_the_projects_version_and_name() -> None:
    package = SERVER["packages"][0]

    assert {MANIFEST["version"], SERVER["version"], package["version"]} == {PROJECT["version"]}
    assert {MANIFEST["name"], package["identifier"]} == {PROJECT["name"]}


def test_the_package_has_a_command_of_its_own_name_for_uvx() -> None:
    assert PROJECT["name"] in PROJECT["scripts"]


def test_the_registrys_entry_keeps_its_rules() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    package = SERVER["packages"][0]

    assert "2025-12-11" in SERVER["$schema"]
    assert REGISTRY_NAME.fullmatch(SERVER["name"])
    assert len(SERVER["description"]) <= LONGEST_DESCRIPTION
    assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"]), "an exact version, no range"
    assert f"<!-- mcp-name: {SERVER['name']} -->" in readme
    assert package["transport"] == {"type": "stdio"}
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]


def test_every_variable_that_is_told_of_is_a_setting_and_keys_are_secrets() -> None:
    told = {v["name"]: v for v in SERVER["packages"][0]["environmentVariables"]}
    asked = MANIFEST["server"]["mcp_config"]["env"]
    settings = {name.upper() for name in Settings.model_fields}

    assert set(told) <= settings
    assert set(asked) <= settings
    assert all(told[name].get("isSecret") for name in told if name.endswith("_KEY"))
    for name, value in asked.items():
        option = MANIFEST["user_config"][value.removeprefix("${user_config.").removesuffix("}")]
        assert option["required"] is False
        assert option.get("sensitive", False) is name.endswith("_KEY")


def test_the_bundle_holds_the_program_and_nothing_of_its_workshop(tmp_path: Path) -> None:
    if not (ROOT / "uv.lock").is_file():
        pytest.skip("there is no lock file: `uv lock` makes it")

    bundle = staged(tmp_path)

    names = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*")}
    assert {"mcp_server/start.py", "config/risk.yaml", "prompts/pitch.md.j2", "uv.lock"} <= names
    assert MANIFEST["server"]["entry_point"] in names
    assert MANIFEST["icon"] in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]
    assert ".env" not in names


def packed_and_unpacked(folder: Path) -> Path:
    """Take the bundle through the official packer: valid, packed, unpacked."""
    tools = installed_tools()
    bundle, file, unpacked = staged(folder), folder / "council.mcpb", folder / "unpacked"
    for arguments in (
        ("validate", str(bundle / "manifest.json")),
        ("pack", str(bundle), str(file)),
        ("unpack", str(file), str(unpacked)),
    ):
        command = (*tools.command("mcpb"), *arguments)
        subprocess.run(command, env=tools.environment(folder), capture_output=True, check=True)
    return unpacked


def as_the_host_starts_it(unpacked: Path, home: Path, dsn: str) -> StdioServerParameters:
    """Return the manifest's own command line in a host's environment, options left as they are."""
    uv = shutil.which("uv")
    assert uv is not None
    cache = subprocess.run((uv, "cache", "dir"), capture_output=True, text=True, check=True)
    config = MANIFEST["server"]["mcp_config"]
    kept = ("SSL_CERT_FILE", "UV_INDEX_URL", "UV_DEFAULT_INDEX")
    return StdioServerParameters(
        command=uv,
        args=[argument.replace("${__dirname}", str(unpacked)) for argument in config["args"]],
        env=hosts_environment(
            home,
            **config["env"],
            DATABASE_URL=dsn,
            UV_CACHE_DIR=cache.stdout.strip(),
            **{name: os.environ[name] for name in kept if name in os.environ},
        ),
    )


@pytest.mark.slow
async def test_the_packed_bundle_is_valid_and_answers_when_unpacked(
    tmp_path: Path, database_dsn: str
) -> None:
    server = as_the_host_starts_it(packed_and_unpacked(tmp_path), tmp_path, database_dsn)

    async with mcp.Client(server) as client:
        listed = (await client.list_tools()).tools
        status = await client.call_tool("get_status", {})

    assert len(listed) >= 13
    assert not status.is_error
    assert status.structured_content is not None
    assert status.structured_content["mode"] == "rehearsal"
