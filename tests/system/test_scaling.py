"""The scaling measurement itself works; the numbers that matter are those of 6 60 600."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_every_trade_of_a_dozen_accounts_is_filled_and_no_key_asks_too_often() -> None:
    arguments = (sys.executable, "-m", "tests.system.scaling", "12")

    ended = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)

    assert ended.returncode == 0, ended.stderr
    assert "filled 12" in ended.stdout
