"""What passes between the process that reads pictures and its parent."""

import struct

from pydantic import BaseModel

from domain.inbound.pictures import PictureReading

OCR = "ocr"  # the model of the manifest
MAX_BYTES = 10_000_000  # of a picture or file
LENGTH = struct.Struct(">I")  # before each picture


class PageRead(BaseModel):
    """A page of the picture of this number, or with `ends` what became of that picture."""

    picture: int
    reading: PictureReading
    ends: bool = False
