"""A downloader for pooch that goes on where it was cut off.

pooch writes into a temporary file and throws that away when a connection breaks. Here what has come stays in a file of
its own, and the next try, or the next run, asks for the rest.
"""

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests
from tqdm import tqdm

from training.data.download.unpack import need
from xray.errors import DatasetError

TRIES = 6  # in a row without a byte
LONGEST_PAUSE = 60.0  # seconds
TIMEOUT = (15, 60)  # seconds to connect, and between bytes
CHUNK = 1 << 16  # bytes; a broken connection loses less than one
PASSING = {408, 425, 429, 500, 502, 503, 504}
PARTIAL, OUT_OF_RANGE = 206, 416


class Interrupted(Exception):
    """What may go better next time.

    Attributes:
        pause: seconds that the server asks to wait; None where it asks nothing.
    """

    def __init__(self, reason: object, pause: float | None = None) -> None:
        super().__init__(str(reason))
        self.pause = pause


@dataclass
class Resume:
    """Fetch a file over HTTP, in as many pieces as it takes; handed to `pooch.retrieve` as its downloader.

    Attributes:
        part: where the pieces gather, named as the archive with `.part` behind; it outlives a failure.
        name: for the progress bar and the messages.
        page: where people can download by hand.
        token: user name and password for HTTP basic authentication.
        pause: seconds before the second try; twice as many before each further one.
    """

    part: Path
    name: str
    page: str
    token: tuple[str, str] | None = None
    pause: float = 1.0

    def __call__(self, url: str, output_file: str, pooch: object, check_only: bool = False) -> None:
        """Fetch `url`, and move it to `output_file` once it is whole.

        Raises:
            DatasetError: the server refuses, the disk is full, or nothing came in TRIES tries.
        """
        failures, most, reason = 0, self._have(), ""
        while failures < TRIES:
            try:
                self._fetch_rest(url)
            except requests.exceptions.ChunkedEncodingError:
                failure = Interrupted("the connection was cut")
            except (requests.ConnectionError, requests.Timeout):
                failure = Interrupted("no connection, or no answer")
            except Interrupted as error:
                failure = error
            else:
                self.part.replace(output_file)
                self._mark.unlink(missing_ok=True)
                return
            # A connection that breaks every hundred megabytes gets there in the end.
            failures, reason = (0 if self._have() > most else failures) + 1, str(failure)
            most = max(most, self._have())
            if failures < TRIES:
                wait = self.pause * 2 ** (failures - 1) if failure.pause is None else failure.pause
                tqdm.write(f"{self.name}: {reason}; {self._have() / 1e6:.1f} MB are here, trying again")
                time.sleep(min(wait, LONGEST_PAUSE))
        raise DatasetError(
            f"{self.name}: expected the file from {url}. Received nothing in {TRIES} tries ({reason}). What has come "
            "is kept: run the same command again to go on."
        )

    @property
    def _mark(self) -> Path:
        """The file with what names the version on the server: pieces of two versions make no whole."""
        return self.part.with_name(self.part.name + ".version")

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _fetch_rest(self, url: str) -> None:
        start, headers = self._have(), {"Accept-Encoding": "identity"}
        version = self._mark.read_text(encoding="utf-8") if self._mark.exists() else ""
        if start and version:
            headers |= {"Range": f"bytes={start}-", "If-Range": version}
        with requests.get(url, headers=headers, auth=self.token, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == OUT_OF_RANGE:
                if response.headers.get("Content-Range") == f"bytes */{start}":
                    return
                self._begin_anew("the server knows another size")
            self._check(response)
            if response.status_code != PARTIAL:
                start = 0
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                self._begin_anew("the server sent another piece than was asked for")
            self._write(response, start)

    def _begin_anew(self, reason: str) -> None:
        self.part.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)
        raise Interrupted(f"{reason}, beginning anew")

    def _check(self, response: requests.Response) -> None:
        """Raise what the answer means, unless it is the file."""
        status, archive = response.status_code, self.part.with_suffix("")
        by_hand = f" Download it by hand from {self.page}, as {archive}, and run the same command again."
        if status in PASSING:
            raise Interrupted(f"status {status}", _retry_after(response))
        if status in (401, 403) and self.token:
            raise DatasetError(
                f"{self.name}: expected to be let in. Received status {status}: the token is wrong, or the terms of "
                f"the data set were not accepted on its page, {self.page}."
            )
        if status >= 400:
            raise DatasetError(f"{self.name}: expected a file at {response.url}. Received status {status}.{by_hand}")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise DatasetError(f"{self.name}: expected a file at {response.url}. Received a web page.{by_hand}")

    def _write(self, response: requests.Response, start: int) -> None:
        """Append the body at `start`.

        Raises:
            Interrupted: less, or more, came than was announced.
        """
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        self.part.parent.mkdir(parents=True, exist_ok=True)
        need(self.part.parent, int(length or 0), f"{self.name}, what is left to download,")
        if not start:
            self._mark.write_text(_version(response), encoding="utf-8")
        with (
            self.part.open("ab" if start else "wb") as file,
            tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=self.name, disable=None) as bar,
        ):
            for chunk in response.iter_content(CHUNK):
                bar.update(file.write(chunk))
        if total is not None and self._have() < total:
            raise Interrupted("the connection was cut")
        if total is not None and self._have() > total:
            self._begin_anew("more came than was announced")


def _version(response: requests.Response) -> str:
    """Return what If-Range takes: a strong ETag or a date; blank where the server gives neither.

    Source:
        RFC 9110, section 13.1.5.
    """
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _retry_after(response: requests.Response) -> float | None:
    """Return the seconds that a server asks to wait; None where it asks nothing (RFC 9110, section 10.2.3)."""
    value = response.headers.get("Retry-After", "")
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
