"""Check the bytes of a WAV file against themselves, before a decoder sees them.

Nothing is opened here: ``media.py`` reads the file and hands its bytes over. What passes is a plain format, one body of
samples of the size that the format says, and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sirenpde.errors import DataError

MAXIMUM_SAMPLES = 2**26
MAXIMUM_RATE = 768_000
MAXIMUM_CHANNELS = 64
MAXIMUM_CHUNKS = 10_000
CODECS = {2: "ADPCM", 6: "A-law", 7: "mu-law", 0x50: "MPEG", 0x55: "MP3", 0xFF: "AAC"}
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
BITS = {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


class Layout(NamedTuple):
    """The fields of a WAV file's ``fmt `` chunk, in their order."""

    codec: int
    channels: int
    rate: int
    bytes_per_second: int
    align: int
    bits: int


def require_rate(name: str, rate: int) -> int:
    """Return a sampling rate in Hz; refuse one that is no integer from 1 to 768,000."""
    if isinstance(rate, bool) or not isinstance(rate, (int, np.integer)) or not 1 <= rate <= MAXIMUM_RATE:
        msg = f"{name} has the rate {rate!r}; expected an integer from 1 to {MAXIMUM_RATE} samples per second."
        raise DataError(msg)
    return int(rate)


def chunks(name: str, content: bytes) -> tuple[Layout, bytes]:
    """Return the one format of a WAV file and its one body of samples."""
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        msg = f"{name} is no WAV file: it starts with {content[:12]!r}; expected RIFF....WAVE. Convert it to WAV."
        raise DataError(msg)
    end = 8 + struct.unpack_from("<I", content, 4)[0]
    if not 12 <= end <= len(content):
        msg = f"{name} has {len(content)} bytes but its RIFF size says {end}; it is truncated. Export it again."
        raise DataError(msg)
    layout, body = None, None
    for kind, chunk in _walk(name, content, end):
        if kind == b"fmt ":
            _require_order(name, layout is None and body is None, "fmt")
            layout = _layout(name, chunk)
        elif kind == b"data":
            _require_order(name, layout is not None and body is None, "data")
            body = chunk
    if layout is None or body is None:
        missing = "fmt" if layout is None else "data"
        msg = f"{name} has no {missing} chunk; expected one fmt chunk before one data chunk. Export it again."
        raise DataError(msg)
    return layout, body


def _walk(name: str, content: bytes, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Walk the chunks of a RIFF file: four letters and a body each."""
    position = 12
    for _ in range(MAXIMUM_CHUNKS):
        if position + 8 > end:
            return
        kind, size = struct.unpack_from("<4sI", content, position)
        position += 8
        if position + size > end:
            msg = f"{name}: its {kind!r} chunk says {size} bytes, but {end - position} follow; it is truncated."
            raise DataError(msg + " Export it again.")
        yield kind, content[position : position + size]
        position += size + size % 2
    msg = f"{name} has more than {MAXIMUM_CHUNKS} chunks. Export it again."
    raise DataError(msg)


def _require_order(name: str, right: bool, kind: str) -> None:
    """Refuse anything but one fmt chunk before one data chunk."""
    if not right:
        msg = (
            f"{name} has a {kind} chunk that is repeated or out of order; "
            "expected one fmt chunk before one data chunk. Export it again."
        )
        raise DataError(msg)


def _layout(name: str, chunk: bytes) -> Layout:
    """Read a fmt chunk; the extensible form is brought down to the plain one."""
    if len(chunk) < 16:
        msg = f"{name} has a fmt chunk of {len(chunk)} bytes; expected at least 16. Export it again."
        raise DataError(msg)
    layout = Layout(*struct.unpack_from("<HHIIHH", chunk))
    if layout.codec == EXTENSIBLE and len(chunk) >= 40 and chunk[26:40] == GUID_TAIL:
        return layout._replace(codec=struct.unpack_from("<H", chunk, 24)[0])
    return layout


def require_layout(name: str, layout: Layout) -> None:
    """Refuse codecs, rates, channels and sample sizes that are not those of a plain sound."""
    if layout.codec not in BITS:
        codec = CODECS.get(layout.codec, "unknown")
        msg = f"{name} has codec {layout.codec} ({codec}); expected 1 (PCM) or 3 (float). Convert it to PCM."
        raise DataError(msg)
    require_rate(name, layout.rate)
    if not 1 <= layout.channels <= MAXIMUM_CHANNELS:
        msg = f"{name} has {layout.channels} channels; expected 1 to {MAXIMUM_CHANNELS}. Export it with one."
        raise DataError(msg)
    allowed = BITS[layout.codec]
    if layout.bits not in allowed:
        kind, bits = "PCM" if layout.codec == PCM else "float", " or ".join(map(str, allowed))
        msg = f"{name} has {layout.bits} bits per {kind} sample; expected {bits}. Export it again."
        raise DataError(msg)
    if layout.align != layout.channels * layout.bits // 8:
        expected = f"{layout.channels * layout.bits // 8} for {layout.channels} channels of {layout.bits} bits"
        msg = f"{name} has a block align of {layout.align}; expected {expected}. Export it again."
        raise DataError(msg)
    if layout.bytes_per_second != layout.rate * layout.align:
        expected = f"{layout.rate * layout.align} at the rate {layout.rate}"
        msg = f"{name} has {layout.bytes_per_second} bytes per second; expected {expected}. Export it again."
        raise DataError(msg)


def require_body(name: str, layout: Layout, body: bytes) -> None:
    """Refuse a body that is empty, ragged or too long."""
    if not body:
        msg = f"{name} has a data chunk without samples. Export it again."
        raise DataError(msg)
    if len(body) % layout.align:
        msg = f"{name} has {len(body)} bytes of samples; expected a multiple of {layout.align}. Export it again."
        raise DataError(msg)
    if len(body) // (layout.bits // 8) > MAXIMUM_SAMPLES:
        msg = f"{name} has {len(body) // (layout.bits // 8)} values; the limit is {MAXIMUM_SAMPLES}. Cut it first."
        raise DataError(msg)
