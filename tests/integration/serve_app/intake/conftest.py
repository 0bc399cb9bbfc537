"""Every test here runs on both event loops that a server may have."""

import asyncio

import pytest
import uvloop


@pytest.hookimpl
def pytest_asyncio_loop_factories(config, item):
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
