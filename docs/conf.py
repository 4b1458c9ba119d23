"""The documentation: `make docs` builds it and executes every page that has code."""

import os
import re
import shutil
import tempfile
import warnings
from importlib.metadata import version as version_of
from pathlib import Path

import jupyter_server_mathjax

HERE = Path(__file__).parent

project = "multilayer"
author = "multilayer developers"
copyright = author
version = release = version_of("multilayer")

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = [
    "_build",
    "sg_execution_times.rst",
    "gallery/sg_execution_times.rst",
    "gallery/*.ipynb",
    "gallery/*.py",
    "gallery/*.json",
    "gallery/*.md5",
]
templates_path = ["_templates"]

# Pages with code are executed from scratch; a page that fails or is too slow ends the build.
nb_execution_mode = "cache"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_render_markdown_format = "myst"
# The kernels communicate over TCP on this machine only; without this, each would warn about it.
_kernels = Path(tempfile.mkdtemp(prefix="book-"), "profile_default", "ipython_kernel_config.py")
_kernels.parent.mkdir()
_kernels.write_text("get_config().IPKernelApp.log_level = 40\n")
os.environ["IPYTHONDIR"] = str(_kernels.parents[1])
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]  # of widgets, which also have text

autosummary_generate = True
viewcode_follow_imported_members = False
autodoc_typehints = "none"  # the docstrings state the types, with shapes
numpydoc_show_class_members = False
numpydoc_attributes_as_param_list = True
python_use_unqualified_type_names = True
add_module_names = False

sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples"),
    "gallery_dirs": "gallery",
    "filename_pattern": "/plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 5,
    "reset_modules_order": "both",
    "ignore_pattern": r"(serve|dask_cluster)\.py",
}
warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive.*")

html_theme = "pydata_sphinx_theme"
html_title = "multilayer"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_sidebars = {"index": []}
html_theme_options = {
    "logo": {"text": "multilayer"},
    "navigation_with_keys": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "header_links_before_dropdown": 6,
}

# The formulas need no network: MathJax comes from an installed package.
_MATHJAX = Path(jupyter_server_mathjax.__file__).parent / "static"
mathjax_path = "mathjax/MathJax.js?config=TeX-AMS-MML_HTMLorMML-full"
mathjax2_config = {
    "tex2jax": {
        "inlineMath": [["\\(", "\\)"]],
        "ignoreClass": "tex2jax_ignore|mathjax_ignore|document",
        "processClass": "tex2jax_process|mathjax_process|math|output_area",
    },
    "HTML-CSS": {
        "availableFonts": [],
        "webFont": "STIX-Web",
        "imageFont": None,
        "matchFontHeight": False,  # by the height of x, formulas look larger than a sans-serif text
        "scale": 108,
    },
    "showMathMenu": False,
    "messageStyle": "none",
}


def _plain_text(app, what, name, obj, options, lines):
    """Escape docstrings for reST: |x| is not a substitution, and x_ is not a link.

    References in scikit-learn's inherited docstrings lead to its own pages; only their text stays.
    """
    for k, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...", ".. ")) or "``" in line:
            continue
        line = line.replace("|", r"\|")
        line = re.sub(r":ref:`([^`<]+?)\s*<[^`]*>`", r"\1", line)
        lines[k] = re.sub(r"(?<![`\w])(\w+)_(?=[\s,.;:)]|$)", r"\1\\_", line)


def _add_mathjax(app, exception):
    """Copy MathJax next to the pages."""
    if exception is None and app.builder.format == "html":
        shutil.copytree(_MATHJAX, Path(app.outdir) / "_static" / "mathjax", dirs_exist_ok=True)


def setup(app):
    """Connect the functions above to the build."""
    app.connect("autodoc-process-docstring", _plain_text, priority=900)
    app.connect("build-finished", _add_mathjax)
