"""Pictures and sounds are read as they should be, and every hostile one is refused by name."""

import contextlib
import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import wavfile

from sirenpde.errors import DataError, ResourceError
from sirenpde.statement import media
from sirenpde.statement import wav as wav_check
from sirenpde.statement.media import MediaWarning, encode_sound, read_image, read_sound

LEVELS = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
COLOURS = np.stack([LEVELS, LEVELS[::-1], 255 - LEVELS], axis=2)


def scaled(levels):
    return levels / 127.5 - 1


def png(width, height, depth=8, kind=0, body=b""):
    """A PNG file by hand: the header says whatever is asked."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def wav(body=b"\0\1\2\3", *, codec=1, channels=1, rate=8000, bits=16, align=None, extra=b"", **sizes):
    """A WAV file by hand: the header says whatever is asked."""
    align = channels * bits // 8 if align is None else align
    speed = sizes.get("speed", rate * align % 2**32)
    chunk = struct.pack("<HHIIHH", codec, channels, rate, speed, align, bits) + extra
    parts = b"WAVE" + riff_chunk(b"fmt ", chunk, sizes.get("fmt"))
    parts += riff_chunk(b"data", body, sizes.get("data"))
    return b"RIFF" + struct.pack("<I", sizes.get("riff", len(parts))) + parts


def riff_chunk(name, body, size=None):
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def riff(*chunks):
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


FMT = riff_chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16))
DATA = riff_chunk(b"data", b"\0\1\2\3")


@pytest.fixture
def store(tmp_path):
    """Write bytes to a file and return its path."""

    def write(content, name="it.bin"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def refusal(read, source, **options):
    with pytest.raises(DataError) as caught:
        read(source, **options)
    return str(caught.value)


# Pictures that are read


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("levels", [LEVELS, COLOURS], ids=["grey", "colour"])
def test_a_picture_of_bytes_is_scaled_to_one(kind, levels, store):
    found = read_image(store(encoded(Image.fromarray(levels), kind)))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, scaled(levels))


def test_a_jpeg_is_read_whatever_its_name_ends_in(store):
    flat = Image.new("RGB", (16, 8), (255, 255, 255))
    found = read_image(str(store(encoded(flat, "JPEG"), "it.png")))
    assert found.shape == (8, 16, 3)
    assert found.min() == 1.0


def test_arrays_of_known_types_are_scaled_and_floats_taken_as_they_are():
    np.testing.assert_array_equal(read_image(LEVELS), scaled(LEVELS))
    np.testing.assert_array_equal(read_image(LEVELS[:, :, None]), scaled(LEVELS))
    np.testing.assert_array_equal(read_image(COLOURS), scaled(COLOURS))
    np.testing.assert_array_equal(read_image(np.array([[0, 65535]], dtype=np.uint16)), [[-1, 1]])
    np.testing.assert_array_equal(read_image(np.array([[False, True]])), [[-1, 1]])
    np.testing.assert_array_equal(read_image(np.array([[0.0, 0.5, 7.0]], dtype=np.float32)), [[0, 0.5, 7]])


def test_sixteen_bits_of_grey_are_kept_and_said(store):
    words = np.array([[0, 1, 32768, 65535]], dtype=np.uint16)
    for kind in ("PNG", "TIFF"):
        with pytest.warns(
            MediaWarning, match=r'image ".*it.bin" has 16 bits per pixel, scaled so that 65535 becomes 1'
        ):
            found = read_image(store(encoded(Image.fromarray(words), kind)))
        np.testing.assert_allclose(found, words / 32767.5 - 1, rtol=1e-15)


def test_sixteen_bits_of_colour_are_read_as_eight_and_said(store):
    row = b"\0" + struct.pack(">6H", 0xFFFF, 0x8000, 0, 0x1234, 0, 0xFFFF)
    with pytest.warns(MediaWarning, match="has 16 bits per channel, of which the upper 8 were read"):
        found = read_image(store(png(2, 1, depth=16, kind=2, body=row)))
    np.testing.assert_allclose(found, [scaled(np.array([[255, 128, 0], [18, 0, 255]]))])


def test_floats_in_a_tiff_are_taken_as_they_are(store):
    values = np.array([[0.25, -3.5]], dtype=np.float32)
    np.testing.assert_array_equal(read_image(store(encoded(Image.fromarray(values), "TIFF"))), values)


def test_two_levels_are_black_and_white(store):
    found = read_image(store(encoded(Image.fromarray(np.array([[True, False]])), "PNG")))
    np.testing.assert_array_equal(found, [[1, -1]])


def test_transparency_is_composed_on_white_and_said(store):
    clear = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    clear.putpixel((1, 0), (255, 0, 0, 255))
    with pytest.warns(MediaWarning, match="has transparency, composed on white"):
        found = read_image(store(encoded(clear, "PNG")))
    np.testing.assert_array_equal(found, [[[1, 1, 1], [1, -1, -1]]])


def test_transparent_grey_stays_grey(store):
    grey = Image.fromarray(LEVELS).convert("LA")
    with pytest.warns(MediaWarning, match="has transparency"):
        np.testing.assert_array_equal(read_image(store(encoded(grey, "PNG"))), scaled(LEVELS))


def test_a_transparent_level_is_white(store):
    with pytest.warns(MediaWarning, match="has transparency"):
        found = read_image(store(encoded(Image.fromarray(LEVELS), "PNG", transparency=0)))
    np.testing.assert_array_equal(found, scaled(np.where(LEVELS == 0, 255, LEVELS)))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_palette_becomes_colours_and_is_said(kind, store):
    image = Image.fromarray(COLOURS).quantize(24)
    with pytest.warns(MediaWarning, match="has mode palette, converted to RGB"):
        found = read_image(store(encoded(image, kind)))
    np.testing.assert_array_equal(found, scaled(np.asarray(image.convert("RGB"))))


def test_a_palette_with_transparency_is_composed(store):
    image = Image.new("P", (2, 1), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    with pytest.warns(MediaWarning, match="has transparency"):
        found = read_image(store(encoded(image, "PNG", transparency=bytes([0, 255]))))
    np.testing.assert_array_equal(found, [[[1, 1, 1], [-1, -1, 1]]])


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_printing_colours_become_colours_and_are_said(kind, store):
    with pytest.warns(MediaWarning, match="has mode CMYK, converted to RGB"):
        found = read_image(store(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), kind)))
    np.testing.assert_allclose(found[0, 0], [1, -1, -1], atol=0.05)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_of_several_frames_the_first_is_read_and_this_is_said(kind, store):
    frames = [Image.fromarray(LEVELS), Image.fromarray(255 - LEVELS)]
    with pytest.warns(MediaWarning, match="has several frames; the first was read"):
        found = read_image(store(encoded(frames[0], kind, save_all=True, append_images=frames[1:])))
    np.testing.assert_array_equal(found, scaled(LEVELS))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_the_orientation_that_a_camera_noted_is_applied(kind, store):
    image = Image.fromarray(LEVELS)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    found = read_image(store(encoded(image, kind, exif=exif)))
    np.testing.assert_array_equal(found, scaled(np.rot90(LEVELS, -1)))


# Pictures that are refused


@pytest.mark.parametrize("read", [read_image, read_sound])
class TestPaths:
    """What holds for the path of a picture and of a sound alike."""

    def test_a_missing_file_is_refused(self, read, tmp_path):
        said = refusal(read, tmp_path / "none.png")
        path = tmp_path / "none.png"
        reason = "cannot be read: No such file or directory"
        assert said.endswith(f'"{path}" {reason}. Expected a file; check the path and the right to read it.')

    def test_a_directory_is_refused(self, read, tmp_path):
        said = refusal(read, tmp_path)
        assert "is a directory; expected an ordinary file. Give the path of the file itself." in said

    @pytest.mark.timeout(10)
    def test_a_pipe_without_a_writer_is_refused_and_does_not_block(self, read, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        assert 'pipe" is a pipe; expected an ordinary file' in refusal(read, tmp_path / "pipe")

    def test_a_device_is_refused(self, read):
        assert '"/dev/zero" is a device' in refusal(read, "/dev/zero")

    def test_an_empty_file_is_refused(self, read, store):
        assert 'it.bin" is empty (0 bytes).' in refusal(read, store(b""))

    def test_a_file_without_the_right_to_read_it_is_refused(self, read, store):
        path = store(b"content")
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read every file")
        assert "cannot be read: Permission denied" in refusal(read, path)

    def test_a_path_through_a_file_is_refused(self, read, store):
        assert "cannot be read: Not a directory" in refusal(read, store(b"content") / "it.png")

    def test_links_to_nowhere_and_in_a_circle_are_refused(self, read, tmp_path):
        (tmp_path / "dangling").symlink_to(tmp_path / "none")
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        assert "No such file" in refusal(read, tmp_path / "dangling")
        assert "symbolic links" in refusal(read, tmp_path / "loop")

    def test_a_link_to_a_file_is_followed(self, read, store, tmp_path):
        content = encoded(Image.fromarray(LEVELS), "PNG") if read is read_image else wav()
        (tmp_path / "link").symlink_to(store(content))
        read(tmp_path / "link")

    def test_a_path_that_no_system_takes_is_refused(self, read):
        assert "embedded null byte" in refusal(read, "a\0b")
        assert "File name too long" in refusal(read, "a" * 300)

    def test_what_is_no_path_is_refused(self, read):
        for value in (3, None, b"it.png", [1, 2]):
            assert f"got a {type(value).__name__}; expected a path, as in" in refusal(read, value)

    def test_a_file_above_the_limit_is_refused_before_it_is_read(self, read, tmp_path):
        with (tmp_path / "huge").open("wb") as file:
            file.truncate(2**31)  # a hole: no room is taken
        assert f'huge" has {2**31} bytes; the limit is {2**30}. Make it smaller' in refusal(read, tmp_path / "huge")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b'<?xml version="1.0"?><svg/>', "an XML document, perhaps SVG"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"<!DOCTYPE html><html></html>", "an HTML page"),
        (b"\n <html></html>", "an HTML page"),
        (b"SIMPLE  =                    T".ljust(2880), "a FITS file"),
        (b"8BPS\0\1" + bytes(40), "a Photoshop file"),
        (encoded(Image.fromarray(LEVELS), "GIF"), "a GIF picture"),
        (encoded(Image.fromarray(LEVELS), "BMP"), "a BMP picture"),
        (encoded(Image.fromarray(LEVELS), "TGA"), "damaged or of another format"),
        (b"noise" * 50, "damaged or of another format"),
    ],
    ids=["SVG", "XML", "PDF", "DOCTYPE", "HTML", "FITS", "PSD", "GIF", "BMP", "TGA", "noise"],
)
def test_a_file_of_another_format_is_refused_by_its_name(content, said, store):
    path = store(content, "renamed.png")
    assert refusal(read_image, path) == (
        f'image "{path}" is {said}; expected a PNG, JPEG or TIFF picture. Save it as PNG, whatever its name ends in.'
    )


@pytest.mark.parametrize("side", [20_000, 12_000, 9_000, 2**31 - 1])
def test_a_bomb_is_refused_by_its_header(side, store):
    said = refusal(read_image, store(png(side, side)))
    assert said.startswith('image "')
    assert "67108864" in said
    assert "Make it smaller first." in said


def test_an_array_above_the_limit_is_refused():
    huge = np.broadcast_to(np.uint8(0), (10_000, 10_000))
    assert refusal(read_image, huge) == (
        "the image array has 10000 x 10000 pixels; expected 1 to 67108864 in all. Make it smaller first."
    )
    assert "the image array at size=100000 has 100000 x" in refusal(read_image, LEVELS, size=100_000)


def test_a_picture_without_pixels_is_refused(store):
    assert 'it.bin" ' in refusal(read_image, store(png(0, 0)))
    assert 'it.bin" ' in refusal(read_image, store(png(5, 0)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_truncated_picture_is_refused_or_whole(kind, store, rng):
    levels = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    content = encoded(Image.fromarray(levels), kind)
    whole = read_image(store(content))
    for length in range(8, len(content) - 32, 16):
        assert "it.bin" in refusal(read_image, store(content[:length]))
    for length in range(len(content) - 32, len(content)):
        with contextlib.suppress(DataError):
            # Only what stands behind the pixels was missing.
            np.testing.assert_array_equal(read_image(store(content[:length])), whole)


def test_a_truncated_picture_is_refused_in_these_words(store):
    content = encoded(Image.fromarray(np.tile(LEVELS, (9, 9))), "JPEG")
    said = refusal(read_image, store(content[:-40]))
    assert 'it.bin" is damaged or truncated: image file is truncated' in said
    assert said.endswith("Expected a whole PNG, JPEG or TIFF picture; export it again.")


def test_wide_integers_are_refused(store):
    wide = Image.fromarray(np.array([[70_000, -5]], dtype=np.int32))
    assert "has 32-bit integers, of unknown range; expected 8 or 16 bits" in refusal(
        read_image, store(encoded(wide, "TIFF"))
    )


def test_a_tiff_with_values_that_are_not_finite_is_refused(store):
    values = np.zeros((3, 4), dtype=np.float32)
    values[2, 1] = np.nan
    said = refusal(read_image, store(encoded(Image.fromarray(values), "TIFF")))
    assert 'it.bin" has the value nan at row 2, column 1; expected finite numbers up to 1e+100.' in said


@pytest.mark.parametrize("shape", [(5,), (0, 4), (4, 5, 2), (2, 4, 5, 3), ()], ids=str)
def test_an_array_of_another_rank_is_refused(shape):
    assert refusal(read_image, np.zeros(shape)) == (
        f"the image array has shape {shape}; expected (h, w) for grey or (h, w, 3) for colour, at least one pixel."
    )


def test_an_array_with_transparency_is_refused_with_the_remedy():
    assert "  Drop the transparency: image[:, :, :3]." in refusal(read_image, np.zeros((4, 5, 4)))


@pytest.mark.parametrize("dtype", [np.int64, np.int8, complex, object, "U1", "M8[s]"], ids=str)
def test_an_array_whose_range_is_not_known_is_refused(dtype):
    said = refusal(read_image, np.zeros((2, 3)).astype(dtype))
    assert f"the image array has type {np.dtype(dtype)}; expected uint8, uint16, bool or a floating type." in said


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_an_array_that_is_not_finite_is_refused_with_the_first_bad_pixel(dtype, value):
    values = np.zeros((3, 4, 3), dtype=dtype)
    values[1, 2, 0] = values[2, 3, 1] = value
    assert refusal(read_image, values) == (
        f"the image array has the value {value} at row 1, column 2, channel 0; expected finite numbers up to 1e+100.\n"
        "  Replace the 2 such values, or cut them out."
    )


def test_values_whose_differences_would_overflow_are_refused():
    assert "has the value 1e+308 at row 0, column 1" in refusal(read_image, np.array([[0.0, 1e308]]))


# Sounds that are read


@pytest.mark.parametrize(
    ("bits", "codec", "body", "expected"),
    [
        (8, 1, bytes([0, 128, 255]), [-1, 0, 127 / 128]),
        (16, 1, struct.pack("<3h", -32768, 0, 16384), [-1, 0, 0.5]),
        (24, 1, b"\0\0\x80\0\0\0\0\0\x40", [-1, 0, 0.5]),
        (32, 1, struct.pack("<3i", -(2**31), 0, 2**30), [-1, 0, 0.5]),
        (32, 3, struct.pack("<3f", -1.5, 0, 0.25), [-1.5, 0, 0.25]),
        (64, 3, struct.pack("<3d", -1.5, 0, 1e-9), [-1.5, 0, 1e-9]),
    ],
    ids=["8", "16", "24", "32", "f32", "f64"],
)
def test_every_width_of_sample_is_brought_to_full_scale(bits, codec, body, expected, store):
    samples, rate = read_sound(store(wav(body, bits=bits, codec=codec)))
    np.testing.assert_array_equal(samples, expected)
    assert samples.dtype == np.float64
    assert rate == 8000


def test_the_extensible_header_is_understood(store):
    extra = struct.pack("<HHIH", 22, 16, 0, 1) + bytes.fromhex("000000001000800000aa00389b71")
    samples, _ = read_sound(store(wav(struct.pack("<2h", 16384, -16384), codec=0xFFFE, extra=extra)))
    np.testing.assert_array_equal(samples, [0.5, -0.5])


def test_other_chunks_and_bytes_behind_the_end_are_passed_over(store):
    content = riff(riff_chunk(b"odd ", b"abc"), FMT, riff_chunk(b"LIST", b"xy"), DATA, riff_chunk(b"id3 ", b"z"))
    assert len(read_sound(store(content + b"trailing"))[0]) == 2


def test_several_channels_are_averaged_and_this_is_said(store):
    body = struct.pack("<4h", 16384, 0, -16384, -32768)
    with pytest.warns(MediaWarning, match=r'sound ".*it.bin" has 2 channels, which were averaged\.'):
        samples, _ = read_sound(store(wav(body, channels=2)))
    np.testing.assert_array_equal(samples, [0.25, -0.75])


def test_the_file_of_another_writer_is_read(tmp_path, rng):
    for dtype, scale in ((np.int16, 32768), (np.int32, 2.0**31), (np.float32, 1), (np.float64, 1)):
        values = (rng.uniform(-0.9, 0.9, 101) * scale).astype(dtype)
        wavfile.write(tmp_path / "it.wav", 44100, values)
        samples, rate = read_sound(tmp_path / "it.wav")
        np.testing.assert_array_equal(samples, values / scale)
        assert rate == 44100


# Sounds that are refused


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (wav(rate=0), "has the rate 0; expected an integer from 1 to 768000 samples per second."),
        (wav(rate=2**32 - 1), "has the rate 4294967295; expected an integer from 1 to 768000 samples per second."),
        (wav(channels=0), "has 0 channels; expected 1 to 64. Export it with one."),
        (wav(channels=65_535, align=2), "has 65535 channels; expected 1 to 64. Export it with one."),
        (wav(bits=0), "has 0 bits per PCM sample; expected 8 or 16 or 24 or 32. Export it again."),
        (wav(bits=7), "has 7 bits per PCM sample; expected 8 or 16 or 24 or 32. Export it again."),
        (wav(bits=24, codec=3), "has 24 bits per float sample; expected 32 or 64. Export it again."),
        (wav(bits=24), "has 4 bytes of samples; expected a multiple of 3. Export it again."),
        (wav(align=0), "has a block align of 0; expected 2 for 1 channels of 16 bits. Export it again."),
        (wav(align=3), "has a block align of 3; expected 2 for 1 channels of 16 bits. Export it again."),
        (wav(speed=8000), "has 8000 bytes per second; expected 16000 at the rate 8000. Export it again."),
        (wav(riff=0), "has 48 bytes but its RIFF size says 8; it is truncated. Export it again."),
        (wav(riff=2**32 - 1), "has 48 bytes but its RIFF size says 4294967303; it is truncated. Export it again."),
        (wav(data=2**31), ": its b'data' chunk says 2147483648 bytes, but 4 follow; it is truncated. Export it again."),
        (
            wav(data=2**32 - 1),
            ": its b'data' chunk says 4294967295 bytes, but 4 follow; it is truncated. Export it again.",
        ),
        (wav(b"\0\1\2"), "has 3 bytes of samples; expected a multiple of 2. Export it again."),
        (wav(codec=0x55), "has codec 85 (MP3); expected 1 (PCM) or 3 (float). Convert it to PCM."),
        (wav(codec=2), "has codec 2 (ADPCM); expected 1 (PCM) or 3 (float). Convert it to PCM."),
        (
            wav(codec=0xFFFE, extra=struct.pack("<HHIH", 22, 16, 0, 1) + bytes(14)),
            "has codec 65534 (unknown); expected 1 (PCM) or 3 (float). Convert it to PCM.",
        ),
        (wav(codec=0xFFFE), "has codec 65534 (unknown); expected 1 (PCM) or 3 (float). Convert it to PCM."),
        (wav(b""), "has a data chunk without samples. Export it again."),
        (riff(FMT), "has no data chunk; expected one fmt chunk before one data chunk. Export it again."),
        (riff(), "has no fmt chunk; expected one fmt chunk before one data chunk. Export it again."),
        (
            riff(FMT, FMT, DATA),
            "has a fmt chunk that is repeated or out of order; expected one fmt chunk before one data chunk. "
            "Export it again.",
        ),
        (
            riff(FMT, DATA, DATA),
            "has a data chunk that is repeated or out of order; expected one fmt chunk before one data chunk. "
            "Export it again.",
        ),
        (
            riff(DATA, FMT),
            "has a data chunk that is repeated or out of order; expected one fmt chunk before one data chunk. "
            "Export it again.",
        ),
        (
            riff(riff_chunk(b"fmt ", b"\1\0"), DATA),
            "has a fmt chunk of 2 bytes; expected at least 16. Export it again.",
        ),
        (riff(*[riff_chunk(b"junk", b"")] * 10_001), "has more than 10000 chunks. Export it again."),
        (wav()[:30], "has 30 bytes but its RIFF size says 48; it is truncated. Export it again."),
        (
            wav()[:10],
            "is no WAV file: it starts with b'RIFF(\\x00\\x00\\x00WA'; expected RIFF....WAVE. Convert it to WAV.",
        ),
        (
            b"RIFX" + wav()[4:],
            "is no WAV file: it starts with b'RIFX(\\x00\\x00\\x00WAVE'; expected RIFF....WAVE. Convert it to WAV.",
        ),
        (b"ID3\4", "is no WAV file: it starts with b'ID3\\x04'; expected RIFF....WAVE. Convert it to WAV."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_hostile_sound_is_refused_with_the_field_and_its_value(content, said, store):
    path = store(content)
    assert refusal(read_sound, path) == f'sound "{path}"' + ("" if said.startswith(":") else " ") + said


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_a_sound_that_is_not_finite_is_refused_with_the_first_bad_sample(value, store):
    body = struct.pack("<4d", 0, 0, value, value)
    path = store(wav(body, bits=64, codec=3))
    assert refusal(read_sound, path) == (
        f'sound "{path}" has the value {value} at sample 2; expected finite numbers up to 1e+100.\n'
        "  Replace the 2 such values, or cut them out."
    )


def test_a_sound_of_too_many_samples_is_refused(store, monkeypatch):
    monkeypatch.setattr(wav_check, "MAXIMUM_SAMPLES", 3)
    assert "has 4 values; the limit is 3. Cut it first." in refusal(read_sound, store(wav(bytes(8))))


def test_a_sound_cut_anywhere_is_refused(store):
    content = wav(bytes(200))
    for length in range(1, len(content), 7):
        assert "it.bin" in refusal(read_sound, store(content[:length]))


# Writing


def test_a_sound_written_at_sixteen_bits_comes_back_unchanged(tmp_path, rng):
    levels = rng.integers(-32768, 32768, 500) / 32768
    (tmp_path / "it.wav").write_bytes(encode_sound(levels, 44100))
    samples, rate = read_sound(tmp_path / "it.wav")
    np.testing.assert_array_equal(samples, levels)
    assert rate == 44100
    assert (tmp_path / "it.wav").stat().st_size == 44 + 1000


def test_the_upper_end_of_the_scale_is_not_wrapped_to_the_lower(tmp_path):
    (tmp_path / "it.wav").write_bytes(encode_sound(np.array([1.0, -1.0]), 8))
    np.testing.assert_array_equal(read_sound(tmp_path / "it.wav")[0], [32767 / 32768, -1])


@pytest.mark.parametrize(
    ("samples", "rate", "said"),
    [
        (np.array([0.0, 1.5]), 8000, "the samples reach 1.5; expected values in [-1, 1]. Divide by the peak."),
        (np.array([0.0, np.nan]), 8000, "has the value nan at sample 1"),
        (np.zeros((2, 2)), 8000, "got samples of shape (2, 2), type float64; expected real numbers of shape (n,)."),
        (np.zeros(0), 8000, "got samples of shape (0,)"),
        (np.zeros(3, dtype=complex), 8000, "type complex128"),
        (np.zeros(3), 0, "has the rate 0; expected an integer from 1 to 768000"),
        (np.zeros(3), 44100.5, "has the rate 44100.5"),
    ],
    ids=["loud", "not a number", "two channels", "empty", "complex", "rate 0", "rate"],
)
def test_what_cannot_be_stored_is_refused(samples, rate, said):
    with pytest.raises(DataError) as caught:
        encode_sound(samples, rate)
    assert said in str(caught.value)


# Whatever the bytes are


SEEDS = {
    "PNG": encoded(Image.fromarray(COLOURS), "PNG"),
    "palette": encoded(Image.fromarray(COLOURS).quantize(9), "PNG"),
    "JPEG": encoded(Image.fromarray(COLOURS), "JPEG"),
    "TIFF": encoded(Image.fromarray(COLOURS), "TIFF", compression="tiff_lzw"),
    "WAV": wav(bytes(range(16))),
    "float": wav(struct.pack("<4f", 1, -1, 0, 0.5), bits=32, codec=3),
}


@pytest.mark.parametrize("kind", SEEDS)
@settings(max_examples=150)
@given(st.data())
def test_nothing_but_a_data_error_leaves_for_damaged_bytes(kind, tmp_path_factory, data):
    content = bytearray(SEEDS[kind])
    places = st.integers(0, len(content) - 1)
    for place, value in data.draw(st.dictionaries(places, st.integers(0, 255), min_size=1, max_size=8)).items():
        content[place] = value
    path = tmp_path_factory.getbasetemp() / f"{kind}.bin"
    path.write_bytes(content)
    read = read_sound if kind in {"WAV", "float"} else read_image
    with warnings.catch_warnings(), contextlib.suppress(DataError):
        warnings.simplefilter("ignore")
        result = read(path)
        assert np.isfinite(result[0]).all()


def test_a_picture_beyond_memory_is_said_as_such(store, monkeypatch):
    def exhausted(_):
        raise MemoryError

    monkeypatch.setattr(media.ImageOps, "exif_transpose", exhausted)
    with pytest.raises(ResourceError, match=r'it\.bin" does not fit into memory\. Make it smaller first\.'):
        read_image(store(SEEDS["PNG"]))
