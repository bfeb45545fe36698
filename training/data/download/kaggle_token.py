"""The user's Kaggle token, where there is one."""

import json
import os
from pathlib import Path

from xray.errors import DatasetError

HOW = (
    "make a token at https://www.kaggle.com/settings (API, Create New Token) and set KAGGLE_USERNAME and KAGGLE_KEY, "
    "or put kaggle.json into ~/.kaggle/"
)


def kaggle_token() -> tuple[str, str] | None:
    """Return user name and key as Kaggle's own programs find them; None where nothing is set.

    Raises:
        DatasetError: there is a kaggle.json that cannot be used.

    Source:
        github.com/Kaggle/kagglehub, README: KAGGLE_USERNAME and KAGGLE_KEY, KAGGLE_CONFIG_DIR, ~/.kaggle/kaggle.json;
        sent by HTTP basic authentication (src/kagglehub/clients.py).
    """
    user, key = os.environ.get("KAGGLE_USERNAME"), os.environ.get("KAGGLE_KEY")
    if user and key:
        return user, key
    path = Path(os.environ.get("KAGGLE_CONFIG_DIR") or Path.home() / ".kaggle") / "kaggle.json"
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content["username"]), str(content["key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        # What stands in the file is a secret, and no part of the message.
        raise DatasetError(f'{path}: expected {{"username": …, "key": …}}. Received something else; {HOW}.') from error
