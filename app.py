"""The WSGI entry: `gunicorn app:app`, or `python app.py` for http://localhost:5000."""

import os
import sys

from web.factory import create_app
from web.settings import SettingError, port_of
from xray.errors import ModelError

# The status by which a gunicorn worker says "the application cannot load": gunicorn then stops, rather than
# starting workers for ever.
CANNOT_LOAD = 4

try:
    app, port = create_app(), port_of(os.environ)
except (ModelError, SettingError) as error:
    sys.stderr.write(f"Cannot start: {error}\n")
    raise SystemExit(CANNOT_LOAD) from None

if __name__ == "__main__":
    app.run(host="localhost", port=port, debug=False)
