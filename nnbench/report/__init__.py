"""Pages and tables of one run, as pure functions: the same run gives the same bytes."""

from nnbench.report.markdown import markdown_table, splice
from nnbench.report.page import correctness_page, run_page
from nnbench.report.trend import trends

__all__ = ["correctness_page", "markdown_table", "run_page", "splice", "trends"]
