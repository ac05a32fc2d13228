"""What Python raises on an archive that cannot be unpacked, whoever reads it.

Enters: nothing. Leaves: the exceptions of `zipfile`, `gzip` and the decoders under them, to be caught around
the reading of a table (`table_file.py`) and of arrays (`array_files.py`).
"""

from __future__ import annotations

import lzma
import zipfile
import zlib

#: A damaged archive or stream, each decoder in its own word (bzip2: OSError; cut short: EOFError). `zipfile`
#: raises NotImplementedError for a member that was packed by a method which Python does not know.
ARCHIVE_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)
