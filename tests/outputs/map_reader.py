"""A browser without any network for the tests of the review map."""

from __future__ import annotations

from pathlib import Path

import folium

from gisplan.outputs.map import review_map
from gisplan.outputs.tables import Tables

ARGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Reader:
    """A page opened without any network; on leaving, it must have asked for nothing and complained of nothing."""

    def __init__(self, browser, folder: Path, size: tuple[int, int] = (1366, 768)) -> None:
        self.file = folder / "review.html"
        self.context = browser.new_context(viewport={"width": size[0], "height": size[1]}, offline=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.asked: list[str] = []
        self.faults: list[str] = []
        self.refused: list[str] = []
        self.stopped: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("requestfailed", self._failed)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", self._console)
        self.page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def _failed(self, request) -> None:
        if request.failure == "csp":  # named as a request, but stopped before it was made
            self.asked.remove(request.url)
            self.stopped.append(request.url)

    def _console(self, message) -> None:
        if message.type not in ("error", "warning"):
            return
        by_policy = "Content Security Policy" in message.text
        (self.refused if by_policy else self.faults).append(f"{message.type}: {message.text}")

    def open(self, source: Tables | folium.Map, lang: str = "zh") -> Reader:
        review = source if isinstance(source, folium.Map) else review_map(source, lang)
        review.save(self.file)
        self.page.goto(self.file.as_uri())
        self.page.wait_for_selector(".gp-cards")
        return self

    def texts(self, selector: str) -> list[str]:
        return self.page.eval_on_selector_all(selector, "nodes => nodes.map(node => node.textContent)")

    def choose(self, parcel: int) -> None:
        self.page.evaluate("i => gisplan.choose(i, {popup: true, zoom: true})", parcel)

    def close(self) -> None:
        self.context.close()
        assert self.asked == [self.file.as_uri()]
        assert self.faults == []
