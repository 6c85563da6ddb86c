from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from map_reader import ARGS, Reader


def give_up(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        give_up("playwright is not installed; pip install -e .[test]")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if path is None:
        give_up("no Chromium found; install it, e.g. apt install chromium")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=path, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def reader(browser, tmp_path) -> Iterator[Reader]:
    opened = Reader(browser, tmp_path)
    yield opened
    opened.close()
