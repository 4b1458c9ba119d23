"""The browser that the tests of pages run in: Chromium, where it is installed."""

import os
import shutil

CHROMIUM = os.environ.get("MULTILAYER_BROWSER") or shutil.which("chromium")
