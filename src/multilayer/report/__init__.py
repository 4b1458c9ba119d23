"""A report on a fitted model: one HTML file that needs no other file.

matplotlib and Jinja2 are imported when a report is written, not before.
"""

from multilayer.public_names import publish
from multilayer.report.document import Report, write_report

__all__ = ["Report", "write_report"]

publish(__name__, __all__, globals())
