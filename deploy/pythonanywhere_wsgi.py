"""WSGI file for PythonAnywhere: copy it over the one that its Web page names, and fill in the two lines."""

import os
import sys

HOME = "/home/YOUR-NAME/covid-xray"  # where the project lies
os.environ["XRAY_SECRET_KEY"] = "FILL-ME-IN"  # python -c 'import secrets; print(secrets.token_hex())'

sys.path.insert(0, HOME)
# Here it names their server; JPEG 2000 is decoded in a child process, which is Python.
sys.executable = f"{sys.prefix}/bin/python"
# There are no threads: one worker answers one request after the other.
os.environ["XRAY_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["XRAY_PUBLIC"] = "true"
os.environ["XRAY_PROXIES"] = "1"
# Not below static/: their web server would send the copies without asking the application for its password.
os.environ["XRAY_ANALYSIS_DIR"] = f"{HOME}/instance/xray_analysis"
# 512 MiB of disk: an analysis with its images takes about 1 MB.
os.environ["XRAY_KEEP_COUNT"] = "60"

from app import app as application  # noqa: E402, F401
