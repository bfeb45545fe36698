"""The WSGI entry: `gunicorn app:app`, or `python app.py` for http://localhost:5000."""

import gc
import os
import sys

# What a start makes stays: looking through it for garbage, again and again, takes 50 ms.
gc.disable()

from web.factory import create_app  # noqa: E402
from web.settings import SettingError, port_of  # noqa: E402
from xray.errors import ModelError  # noqa: E402

# The status by which a gunicorn worker says "the application cannot load": gunicorn then stops, rather than
# starting workers for ever.
CANNOT_LOAD = 4

try:
    app, port = create_app(), port_of(os.environ)
except (ModelError, SettingError) as error:
    sys.stderr.write(f"Cannot start: {error}\n")
    raise SystemExit(CANNOT_LOAD) from None

gc.freeze()
gc.enable()

if __name__ == "__main__":
    app.run(host="localhost", port=port, debug=False)
