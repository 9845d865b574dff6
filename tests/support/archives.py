"""Archives as the servers of corpora have them."""

import io
import tarfile
from typing import Literal


def packed(files: dict[str, bytes], mode: Literal["w", "w:gz", "w:bz2"] = "w:gz") -> bytes:
    """A tar archive of files by their names."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode=mode) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return archive.getvalue()
