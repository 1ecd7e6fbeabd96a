"""FCS files of cytometers: parsed, compensated, read folder by folder, written."""

from setwise.readers.fcs.file import FcsFile, open_fcs
from setwise.readers.fcs.write import copy_fcs, write_fcs

__all__ = ["FcsFile", "open_fcs", "copy_fcs", "write_fcs"]
