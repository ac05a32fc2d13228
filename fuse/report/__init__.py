"""The page of a run: one self-contained HTML file made from a RUN folder and from nothing else."""

from fuse.report.page import write_report
from fuse.report.run_folder import RunFolderError

__all__ = ["RunFolderError", "write_report"]
