"""The two kinds of open files that sound is read from."""

import io
from typing import TypeAlias

OpenFile: TypeAlias = io.FileIO | io.BytesIO
