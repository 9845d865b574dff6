"""The two kinds of open files from which sound is read."""

import io
from typing import TypeAlias

OpenFile: TypeAlias = io.FileIO | io.BytesIO
