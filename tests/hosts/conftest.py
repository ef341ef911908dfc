"""The real clients as fixtures."""

import pytest

from tests.hosts.tools import NodeTools, installed_tools


@pytest.fixture(scope="session")
def node_tools() -> NodeTools:
    """Return the npm tools, or skip what needs them."""
    return installed_tools()
