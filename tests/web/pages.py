"""Pages as a visitor reads them."""

import re
from html import unescape


def text(page: str) -> str:
    """Return a page's words in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())
