"""GFVC_Software_v2 as one command that writes a stream and one that reads it.

Its scripts are run in `source/` and code into folders beside it, `../experiment/MODEL/…`: source pictures
into `enc`, each frame's numbers into `kp`. Here they run among links to `source/`, so that several clips can
be coded at once, and what their decoder needs (the `.bin` files and no other) becomes one file, with a
deflated index of some three bytes a frame.
"""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

SIDE = 256
GOP = 1 << 20  # one source picture a clip, as the other codecs here have it
STEPS = 64  # of a keypoint's coordinate; the software's own setting for VoxCeleb


def pack(folder: Path) -> bytes:
    """Every `.bin` below a folder, in one piece."""
    files = sorted(folder.rglob("*.bin"))
    index = "".join(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n" for path in files)
    head = zlib.compress(index.encode(), 9)
    return len(head).to_bytes(4, "little") + head + b"".join(path.read_bytes() for path in files)


def unpack(data: bytes, folder: Path) -> None:
    """The files again."""
    at = 4 + int.from_bytes(data[:4], "little")
    for line in zlib.decompress(data[4:at]).decode().splitlines():
        name, _, size = line.rpartition(" ")
        path = (folder / name).resolve()
        if folder.resolve() not in path.parents:
            sys.exit(f"{name} is no name of a file of the stream")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data[at : at + int(size)])
        at += int(size)


def turned(pixels: bytes, to_planes: bool) -> bytes:
    """Frames of RGB pixels as frames of R, G and B planes, or back."""
    size = SIDE * SIDE * 3
    out = bytearray(len(pixels))
    for start in range(0, len(pixels), size):
        for channel in range(3):
            plane = slice(start + channel * SIDE * SIDE, start + (channel + 1) * SIDE * SIDE)
            spread = slice(start + channel, start + size, 3)
            into, of = (plane, spread) if to_planes else (spread, plane)
            out[into] = pixels[of]
    return bytes(out)


def main(action: str, root: str, model: str, qp: str, frames: str, given: str, wanted: str) -> None:
    """Encode or decode, in the folder that this is started in."""
    size = SIDE * SIDE * 3 * int(frames)
    source, clip = Path("source"), Path("clip.rgb").resolve()
    source.mkdir()
    for path in (Path(root) / "source").iterdir():
        (source / path.name).symlink_to(path)
    made = Path("experiment", model, "Iframe_YUV420")
    if action == "encode":
        pixels = Path(given).read_bytes()
        if len(pixels) != size:
            sys.exit(f"{len(pixels)} bytes of pixels found, {frames} frames of {SIDE}x{SIDE} are {size}")
        clip.write_bytes(turned(pixels, True))
    else:
        unpack(Path(given).read_bytes(), made)
    script = f"{model}_{action}r.py"
    if not (source / script).is_file():
        sys.exit(f"{root} has no source/{script}")
    options = {
        "original_seq": clip, "encoding_frames": frames, "quantization_factor": STEPS, "iframe_qp": qp,
        "iframe_format": "YUV420", "gop_size": GOP,
    }  # fmt: skip
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    subprocess.run([sys.executable, script, *words], cwd=source, check=True)
    if action == "encode":
        Path(wanted).write_bytes(pack(made))
    else:
        Path(wanted).write_bytes(turned((made / "dec" / f"clip_qp{qp}.rgb").read_bytes(), False))


if __name__ == "__main__":
    if len(sys.argv) != 8:
        sys.exit("usage: gfvc.py encode|decode ROOT MODEL QP FRAMES FROM TO")
    main(*sys.argv[1:])
