"""Read pictures and sounds from files: the only module that opens them.

Every byte is taken for hostile. A file is read once, whole, after it was found to be a regular file of bounded size;
its header is checked before a decoder allocates memory; and whatever a decoder raises leaves as a ``DataError`` that
names the path. What was changed on the way in (a palette, a transparent background, several channels) is said as a
``MediaWarning``.
"""

from __future__ import annotations

import io
import operator
import os
import stat
import struct
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy.io import wavfile

from sirenpde.errors import DataError, ResourceError, SirenPDEWarning
from sirenpde.statement import wav

FORMATS = ("PNG", "JPEG", "TIFF")
MAXIMUM_BYTES = 2**30
MAXIMUM_PIXELS = 2**26
MAXIMUM_VALUE = 1e100  # sums and second differences of such values are still finite
SIGNATURES = {
    b"%PDF": "a PDF document",
    b"SIMPLE": "a FITS file",
    b"8BPS": "a Photoshop file",
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML document, perhaps SVG",
    b"<html": "an HTML page",
    b"<!doctype html": "an HTML page",
}


class MediaWarning(SirenPDEWarning):
    """A picture or a sound was changed while it was read."""


def read_image(source: str | os.PathLike[str] | np.ndarray, size: int | None = None) -> np.ndarray:
    """Read a picture as floats, black at -1 and white at 1.

    8-bit values v become v/127.5 - 1, 16-bit values v/32767.5 - 1, booleans -1 and 1. Floating values are taken as
    they are, whatever their range. Transparency is composed on white, palettes and CMYK become RGB, the orientation
    that a camera noted is applied, and of several frames the first is read; each of these but the orientation is said.

    A resize averages with a triangle as wide as two of the new pixels (antialiased bilinear). Pictures of 8 bits are
    resized in 8 bits, by Pillow, as in the experiments of Sitzmann et al. 2020: published figures refer to the rounded
    values.

    Args:
        source: The path of a PNG, JPEG or TIFF file, or an array of shape ``(h, w)``, ``(h, w, 1)`` or ``(h, w, 3)``.
        size: The number of pixels of the longer side; as it is if left out.

    Returns:
        Shape ``(h, w)`` for grey, ``(h, w, 3)`` for colour, float64. Row 0 is the top.

    Raises:
        DataError: If the file or array is no picture, is damaged or too large, or if ``size`` is no positive integer.
    """
    notes: list[str] = []
    if isinstance(source, np.ndarray):
        name, pixels = "the image array", _checked_array(source)
    else:
        name = _named("image", source)
        pixels = _decoded(name, _read_bytes(name, source), notes)
    _require_finite(name, pixels, ("row", "column", "channel"))
    if size is not None:
        pixels = _resized(name, pixels, size, notes)
    for note in notes:
        # From the reader's frame up: read_image, Raster.from_image, the user's line.
        warnings.warn(f"{name} {note}", MediaWarning, stacklevel=3)
    scale = {"uint8": 127.5, "uint16": 32767.5}.get(pixels.dtype.name)
    return pixels.astype(np.float64) if scale is None else pixels / scale - 1.0


def read_sound(path: str | os.PathLike[str]) -> tuple[np.ndarray, int]:
    """Read a WAV file as floats, full scale at 1; several channels are averaged, which is said.

    Args:
        path: A WAV file of 8, 16, 24 or 32 bits, or of 32 or 64-bit floats.

    Returns:
        The samples, shape ``(n,)``, float64, and the sampling rate in Hz.

    Raises:
        DataError: If the file is no such sound, is truncated or contradicts itself, or holds values not finite.
    """
    name = _named("sound", path)
    layout, body = wav.chunks(name, _read_bytes(name, path))
    wav.require_layout(name, layout)
    wav.require_body(name, layout, body)
    # The decoder sees only what was checked: a plain header and the samples, no other chunk.
    header = struct.pack("<8sIHHIIHH4sI", b"WAVEfmt ", 16, *layout, b"data", len(body))
    pad = b"\0" * (len(body) % 2)
    whole = b"RIFF" + struct.pack("<I", len(header) + len(body) + len(pad)) + header + body + pad
    _, frames = wavfile.read(io.BytesIO(whole))
    samples = _full_scale(frames)
    _require_finite(name, samples, ("sample", "channel"))
    if layout.channels > 1:
        warnings.warn(f"{name} has {layout.channels} channels, which were averaged.", MediaWarning, stacklevel=3)
        samples = samples.mean(axis=1)
    return samples, layout.rate


def encode_sound(samples: np.ndarray, rate: int) -> bytes:
    """Return the bytes of a 16-bit WAV file.

    Args:
        samples: Shape ``(n,)``, values in [-1, 1].
        rate: The sampling rate in Hz, 1 to 768,000.

    Raises:
        DataError: If the samples or the rate cannot be stored.
    """
    name, values = "the sound", np.asarray(samples)
    if values.ndim != 1 or values.size == 0 or values.dtype.kind not in "fiu":
        msg = f"{name}: got samples of shape {values.shape}, type {values.dtype}; expected real numbers of shape (n,)."
        raise DataError(msg)
    _require_finite(name, values, ("sample",))
    if np.abs(values).max() > 1:
        msg = f"{name}: the samples reach {np.abs(values).max():g}; expected values in [-1, 1]. Divide by the peak."
        raise DataError(msg)
    stream = io.BytesIO()
    levels = np.clip(np.round(values.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)
    wavfile.write(stream, wav.require_rate(name, rate), levels)
    return stream.getvalue()


def _require_finite(name: str, values: np.ndarray, axes: tuple[str, ...]) -> None:
    """Refuse NaN, infinity, and magnitudes whose differences could overflow; name the first."""
    if values.dtype.kind != "f":
        return
    with np.errstate(over="ignore"):  # in a narrower type the limit itself would be infinite
        bad = ~(np.abs(values.astype(np.float64)) <= MAXIMUM_VALUE)
    if bad.any():
        where = np.unravel_index(int(bad.argmax()), values.shape)
        place = ", ".join(f"{axis} {index}" for axis, index in zip(axes, where, strict=False))
        msg = (
            f"{name} has the value {values[where]} at {place}; expected finite numbers up to {MAXIMUM_VALUE:g}.\n"
            f"  Replace the {int(bad.sum())} such values, or cut them out."
        )
        raise DataError(msg)


def _named(what: str, path: object) -> str:
    """Return how messages call a file; refuse what is no path."""
    if not isinstance(path, (str, os.PathLike)):
        expected = 'a path, as in "sound.wav"' if what == "sound" else 'a path, as in "image.png", or a NumPy array'
        msg = f"{what}: got a {type(path).__name__}; expected {expected}."
        raise DataError(msg)
    return f'{what} "{os.fsdecode(path)}"'


def _read_bytes(name: str, path: str | os.PathLike[str]) -> bytes:
    """Read a regular file of bounded size, once."""
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            _require_regular(name, os.fstat(descriptor))
            with open(descriptor, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(descriptor)
    except DataError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"{name} cannot be read: {reason}. Expected a file; check the path and the right to read it."
        raise DataError(msg) from error


def _require_regular(name: str, status: os.stat_result) -> None:
    """Refuse directories, pipes and devices, and files that are empty or too large."""
    if not stat.S_ISREG(status.st_mode):
        kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device"}
        kind = kinds.get(stat.S_IFMT(status.st_mode), "no ordinary file")
        msg = f"{name} is {kind}; expected an ordinary file. Give the path of the file itself."
        raise DataError(msg)
    if status.st_size == 0:
        msg = f"{name} is empty (0 bytes). Perhaps a download or a copy failed; fetch the file again."
        raise DataError(msg)
    if status.st_size > MAXIMUM_BYTES:
        msg = f"{name} has {status.st_size} bytes; the limit is {MAXIMUM_BYTES}. Make it smaller or cut it first."
        raise DataError(msg)


def _checked_array(array: np.ndarray) -> np.ndarray:
    """Return an array of pixels, ``(h, w)`` or ``(h, w, 3)``, of type uint8, uint16 or float."""
    name = "the image array"
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)) or array.size == 0:
        msg = f"{name} has shape {array.shape}; expected (h, w) for grey or (h, w, 3) for colour, at least one pixel."
        hint = "\n  Drop the transparency: image[:, :, :3]." if array.ndim == 3 and array.shape[2] == 4 else ""
        raise DataError(msg + hint)
    _require_pixels(name, array.shape[1], array.shape[0])
    pixels = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if pixels.dtype == np.bool_:
        return pixels * np.uint8(255)
    if pixels.dtype.kind != "f" and pixels.dtype not in (np.uint8, np.uint16):
        msg = (
            f"{name} has type {array.dtype}; expected uint8, uint16, bool or a floating type.\n"
            "  Convert it, for instance with image.astype(np.uint8) where the values run from 0 to 255."
        )
        raise DataError(msg)
    return pixels


def _require_pixels(name: str, width: int, height: int) -> None:
    """Refuse a picture without pixels or with too many."""
    if not 1 <= width * height <= MAXIMUM_PIXELS:
        msg = f"{name} has {width} x {height} pixels; expected 1 to {MAXIMUM_PIXELS} in all. Make it smaller first."
        raise DataError(msg)


def _decoded(name: str, content: bytes, notes: list[str]) -> np.ndarray:
    """Decode a PNG, JPEG or TIFF file to pixels, ``(h, w)`` or ``(h, w, 3)``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                _require_pixels(name, *image.size)
                return _pixels(name, image, notes)
    except DataError:
        raise
    except MemoryError as error:
        msg = f"{name} does not fit into memory. Make it smaller first."
        raise ResourceError(msg) from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        msg = f"{name} has more than {MAXIMUM_PIXELS} pixels, the limit ({error}). Make it smaller first."
        raise DataError(msg) from error
    except UnidentifiedImageError as error:
        start = content[:32].lstrip().lower()
        kinds = (kind for mark, kind in SIGNATURES.items() if start.startswith(mark.lower()))
        kind = next(kinds, "damaged or of another format")
        msg = f"{name} is {kind}; expected a PNG, JPEG or TIFF picture. Save it as PNG, whatever its name ends in."
        raise DataError(msg) from error
    except Exception as error:  # whatever a decoder raises on hostile bytes, the file is at fault
        msg = f"{name} is damaged or truncated: {error}. Expected a whole PNG, JPEG or TIFF picture; export it again."
        raise DataError(msg) from error


def _pixels(name: str, image: Image.Image, notes: list[str]) -> np.ndarray:
    """Return the first frame, upright, as grey or RGB; note what was converted."""
    if getattr(image, "is_animated", False):
        notes.append("has several frames; the first was read.")
    deep = any(";16" in str(tile.args) for tile in getattr(image, "tile", ()))
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        notes.append("has 16 bits per pixel, scaled so that 65535 becomes 1.")
        return np.asarray(image).astype(np.uint16)
    if image.mode == "F":
        return np.asarray(image)
    if image.mode == "I":
        msg = f"{name} has 32-bit integers, of unknown range; expected 8 or 16 bits. Scale it and pass a float array."
        raise DataError(msg)
    if deep:
        notes.append("has 16 bits per channel, of which the upper 8 were read; pass a uint16 array to keep them all.")
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        notes.append("has transparency, composed on white.")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    elif not grey and image.mode != "RGB":
        notes.append(f"has mode {'palette' if image.mode == 'P' else image.mode}, converted to RGB.")
    return np.asarray(image.convert("L" if grey else "RGB"))


def _resized(name: str, pixels: np.ndarray, size: int, notes: list[str]) -> np.ndarray:
    """Return pixels whose longer side has ``size`` of them."""
    height, width = pixels.shape[:2]
    try:
        longer = 0 if isinstance(size, bool) else operator.index(size)
    except TypeError:
        longer = 0
    if longer < 1:
        msg = f"{name}: size={size!r}; expected a positive integer, the pixels of the longer side, such as size=256."
        raise DataError(msg)
    if longer > max(height, width):
        notes.append(f"has {width} x {height} pixels, fewer than size={longer}: enlarged, which adds no detail.")
    rows, columns = (max(1, round(side * longer / max(height, width))) for side in (height, width))
    _require_pixels(f"{name} at size={longer}", columns, rows)
    if pixels.dtype == np.uint8:
        return np.asarray(Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BILINEAR))
    scaled = _triangle(_triangle(pixels.astype(np.float64), rows).swapaxes(0, 1), columns).swapaxes(0, 1)
    return scaled if pixels.dtype.kind == "f" else scaled / 32767.5 - 1.0


def _triangle(values: np.ndarray, count: int) -> np.ndarray:
    """Average along the first axis with a triangle as wide as two new cells, or two old ones if those are wider."""
    scale = len(values) / count
    width = max(scale, 1.0)
    centre = (np.arange(count) + 0.5) * scale
    first = np.floor(centre - width).astype(int)
    total, weights = np.zeros((count, *values.shape[1:])), np.zeros(count)
    for tap in range(int(np.ceil(2 * width)) + 2):
        index = first + tap
        inside = (index >= 0) & (index < len(values))
        weight = inside * np.clip(1 - np.abs(index + 0.5 - centre) / width, 0, None)
        total += weight.reshape(-1, *[1] * (values.ndim - 1)) * values[np.clip(index, 0, len(values) - 1)]
        weights += weight
    return total / weights.reshape(-1, *[1] * (values.ndim - 1))


def _full_scale(frames: np.ndarray) -> np.ndarray:
    """Return samples as float64 with full scale at 1; the decoder left-justifies 24 bits in 32."""
    if frames.dtype == np.uint8:
        return (frames.astype(np.float64) - 128.0) / 128.0
    values: np.ndarray = frames.astype(np.float64)
    return values if frames.dtype.kind == "f" else values / 2.0 ** (8 * frames.dtype.itemsize - 1)
