"""A report is one file that stands alone, says what it was given, and lets nothing in it run."""

import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np

from training.report.render import Picture, Section, Table, page

PNG = cv2.imencode(".png", np.zeros((2, 2), np.uint8))[1].tobytes()
EVIL = '</title><script>alert("1")</script>&'
VOID = {"meta", "img"}


class Reader(HTMLParser):
    """Reads a page; every element must be closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            tag, attributes, text = self.found[-1]
            self.found[-1] = (tag, attributes, text + data)

    def texts(self, tag: str) -> list[str]:
        return [text for name, _, text in self.found if name == tag]

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes, _ in self.found if name == tag]


def test_a_report_shows_all_that_it_was_given():
    table = Table("AUC by source", ["source", "AUC"], [["cohen", 0.5], ["nih", "–"]])
    empty = Table("none", ["a", "b"], [])
    section = Section("Does it look?", "First.\n\n \nSecond.", [table, empty], [Picture(PNG, "Scores", "a strip plot")])
    read = Reader(page("Audit of 3 March", [section, Section("Empty")]))
    assert read.texts("title") == read.texts("h1") == ["Audit of 3 March"]
    assert read.texts("h2") == ["Does it look?", "Empty"]
    assert read.texts("p") == ["First.", "Second."]
    assert (read.texts("caption"), read.texts("figcaption")) == (["AUC by source", "none"], ["Scores"])
    assert read.texts("th") == ["source", "AUC", "cohen", "nih", "a", "b"] and read.texts("td") == ["0.5", "–"]
    assert [image["alt"] for image in read.attributes("img")] == ["a strip plot"]


def test_text_from_the_data_stays_text():
    table = Table(EVIL, [EVIL, "b"], [[EVIL, EVIL]])
    text = page(EVIL, [Section(EVIL, EVIL, [table], [Picture(PNG, EVIL, EVIL + '" onload="x')])])
    read = Reader(text)
    assert "<script" not in text and not read.attributes("script")
    assert set(read.attributes("img")[0]) == {"alt", "src"}
    for tag in ("title", "h1", "h2", "p", "caption", "td", "figcaption"):
        assert read.texts(tag) == [EVIL]


def test_a_picture_travels_inside_the_page_from_a_file_or_from_memory(tmp_path):
    (tmp_path / "plot.png").write_bytes(PNG)
    text = page("t", [Section("s", pictures=[Picture(PNG, "one"), Picture(tmp_path / "plot.png", "two")])])
    images = Reader(text).attributes("img")
    for image in images:
        kind, _, data = image["src"].partition(",")
        assert kind == "data:image/png;base64" and base64.b64decode(data) == PNG
    assert [image["alt"] for image in images] == ["one", "two"], "without a word of its own, the caption"
    assert not re.search(r"https?://|url\(|@import|<link", text), "nothing is fetched"
