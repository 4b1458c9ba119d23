"""A report on a fitted model: one HTML file that needs nothing else.

matplotlib and Jinja2 are imported when one is written, not before.
"""

from multilayer.report.document import Report, write_report

__all__ = ["Report", "write_report"]
