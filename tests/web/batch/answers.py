"""What the pages of many pictures answer, taken apart."""

import csv
import io
import re
import zipfile

import cv2
import numpy as np

from tests.web.pages import text

DISCLAIMER = "For education and research only, not for diagnosis"
TEXT = b"Dear radiologist"


def table_rows(page: str) -> list[str]:
    """The rows of the table in a page's words, without the blank that a script copies."""
    body = re.search(r"<tbody.*?</tbody>", page, re.DOTALL)[0]
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [text(row) for row in rows]


def fetched(client, rows, what, **fields) -> bytes:
    asked = {"rows": rows, "what": what, "function": "classify", "model": "both", **fields}
    answer = client.post("/batch/download", data=asked)
    assert answer.status_code == 200 and "attachment" in answer.headers["Content-Disposition"]
    return answer.data


def inside(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def lines(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def picture(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
