# SPDX-License-Identifier: Apache-2.0
"""What an import leaves on disk, compared with what independent tools see in the same archives; and what it leaves when
it is killed, runs out of disk, or is fed an archive made to hurt."""
import gzip
import hashlib
import io
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import stat
import subprocess
import tarfile
import time

import pytest

pytestmark = pytest.mark.root

LAYER = "application/vnd.oci.image.layer.v1.tar"


class Layout:
    """An OCI layout made by hand, layer by layer."""

    def __init__(self, path):
        self.path = path
        (path / "blobs/sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data):
        name = hashlib.sha256(data).hexdigest()
        (self.path / "blobs/sha256" / name).write_bytes(data)
        return {"digest": "sha256:" + name, "size": len(data)}

    def image(self, *tars, pack=lambda t: (t, ""), name="app:1"):
        layers = []
        for tar in tars:
            data, suffix = pack(tar)
            layers.append({"mediaType": LAYER + suffix, **self.blob(data)})
        config = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Cmd": ["/bin/true"]}, "rootfs": {
            "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(t).hexdigest() for t in tars]}})
        manifest = json.dumps({"schemaVersion": 2, "layers": layers, "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", **self.blob(config.encode())}})
        (self.path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json", **self.blob(manifest.encode()),
            "annotations": {"org.opencontainers.image.ref.name": name}}]}))
        return self.path


def gz(tar):
    return gzip.compress(tar, 1, mtime=0), "+gzip"


def tar_of(*entries, **kwargs):
    """A tar of (name, content or type, link) entries."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **kwargs) as tar:
        for name, what, *link in entries:
            info = tarfile.TarInfo(name)
            data = b""
            if isinstance(what, bytes) and what not in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE):
                data = what
            else:
                info.type = what
            info.linkname = link[0] if link else ""
            info.size = len(data)
            info.mode = 0o755
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def record(data_dir, image):
    (path,) = (data_dir / "images/records").glob(image + "*")
    return json.loads((path / "record.json").read_text())


def layer_dirs(data_dir, image):
    """Top first."""
    return [data_dir / "images/layers" / n / "fs" for n in record(data_dir, image)["layers"]]


def visible(data_dir):
    """Names of records and layers, and what is left in tmp."""
    images = data_dir / "images"
    return ([p.name for p in images.glob("records/*")], [p.name for p in images.glob("layers/[0-9]*")],
            [p.name for p in images.glob("tmp/*")])


def describe(root, times=True):
    """Everything about a tree that a tar can carry: {path: facts}."""
    found, inodes = {}, {}
    for path in [root, *sorted(root.rglob("*"))]:
        st = path.lstat()
        name = str(path.relative_to(root))
        kind = stat.S_IFMT(st.st_mode)
        facts = {"mode": oct(st.st_mode), "owner": (st.st_uid, st.st_gid),
                 "xattrs": {k: os.getxattr(path, k, follow_symlinks=False) for k in os.listxattr(path, follow_symlinks=False)}}
        if times:
            facts["mtime"] = st.st_mtime_ns
        if kind == stat.S_IFREG:
            facts["size"] = st.st_size
            facts["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest() if st.st_size < 1 << 26 else None
            facts["sparse"] = st.st_blocks * 512 < st.st_size
            facts["same as"] = inodes.setdefault(st.st_ino, name)
        elif kind == stat.S_IFLNK:
            facts["target"] = os.readlink(path)
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            facts["device"] = st.st_rdev
        found[name] = facts
    return found


@pytest.fixture
def rich_tree(short_tmp):
    """One of everything."""
    root = short_tmp / "tree"
    (root / "bin").mkdir(parents=True)
    (root / "bin/su").write_bytes(b"elf")
    os.chown(root / "bin/su", 0, 70000)
    (root / "bin/su").chmod(0o6755)
    os.link(root / "bin/su", root / "bin/sudo")
    (root / "bin/sh").symlink_to("/bin/su")
    (root / "bin/dangling").symlink_to("../../../nowhere")
    (root / "deep" / ("d" * 100) / ("e" * 200)).mkdir(parents=True)
    (root / "deep" / ("d" * 100) / ("e" * 200) / ("f" * 255)).write_text("long")
    (root / "caf\u00e9 \u65e5\u672c").write_text("utf-8")
    pathlib.Path(os.fsdecode(os.fsencode(root) + b"/latin\xe9")).write_text("no utf-8")
    (root / "odd\n\\name").write_text("")
    os.mkfifo(root / "fifo", 0o620)
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(root / "disk", stat.S_IFBLK | 0o660, os.makedev(259, 70000))
    with open(root / "sparse", "wb") as f:
        f.write(b"head")
        f.seek(5 << 30)
        f.write(b"middle")
        f.truncate(6 << 30)
    (root / "big").write_bytes(os.urandom(3 << 20))
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    os.setxattr(root / "big", "user.note", b"value\0with\nbytes") if user_xattrs(root) else None
    os.setxattr(root / "bin/su", "security.capability", b"\1\0\0\2\0\4" + bytes(14))
    os.setxattr(root / "tmp", "trusted.x", b"1")
    os.utime(root / "bin/su", ns=(0, 1234567890123456789))
    os.utime(root / "tmp", ns=(0, 987654321000000001))
    os.utime(root / "bin", ns=(0, 1000000000000000000))
    os.utime(root, ns=(0, 1000000000000000000))
    return root


def user_xattrs(path):
    try:
        os.setxattr(path, "user.probe", b"1")
        os.removexattr(path, "user.probe")
        return True
    except OSError:
        return False


@pytest.mark.parametrize("how", ["pax", "pax-sparse-0.0", "pax-sparse-0.1", "pax-sparse-1.0", "gnu-sparse"])
def test_layer_is_what_gnu_tar_packed(carob, data_dir, short_tmp, rich_tree, how):
    fmt, _, version = how.partition("-")
    flags = ["--xattrs", "--xattrs-include=*"] if fmt == "pax" else []
    flags += ["-S"] if version else []
    flags += [f"--sparse-version={version[7:]}"] if version[7:] else []
    if not version:
        (rich_tree / "sparse").unlink()  # 6 GiB of zeros otherwise
        os.utime(rich_tree, ns=(0, 1000000000000000000))
    tar = subprocess.check_output(["tar", "-C", rich_tree, "--format=" + ("posix" if fmt == "pax" else "gnu"), *flags,
                                   "--numeric-owner", "-cf", "-", "."])
    (image,) = carob("fetch", "--full", Layout(short_tmp / "l").image(tar, pack=gz)).stdout.split()
    (fs,) = layer_dirs(data_dir, image)
    want, got = describe(rich_tree), describe(fs)
    if fmt == "gnu":  # whole seconds, no xattrs
        for facts in (*want.values(), *got.values()):
            facts["mtime"] //= 10 ** 9
            facts["xattrs"] = None
    assert got == want


def test_merged_layers_are_what_umoci_unpacks(carob, data_dir, short_tmp):
    def umoci(*args):
        subprocess.run(["umoci", *args], cwd=short_tmp, check=True, capture_output=True)

    umoci("init", "--layout", "l")
    umoci("new", "--image", "l:v1")
    root = short_tmp / "b/rootfs"
    for step in range(4):
        umoci("unpack", "--image", "l:v1", "b")
        if step == 0:
            for d in ("a", "b", "c/d"):
                (root / d).mkdir(parents=True)
                for i in range(5):
                    (root / d / str(i)).write_text(f"{d}{i}")
            (root / "link").symlink_to("a")
        elif step == 1:
            shutil.rmtree(root / "a")
            (root / "b/0").unlink()
            (root / "c/d/1").write_text("changed")
            (root / "b").chmod(0o700)
        elif step == 2:
            (root / "a").mkdir()
            (root / "a/again").write_text("new")
            (root / "link").unlink()
            (root / "link").mkdir()
            (root / "link/file").write_text("was a link")
        else:
            shutil.rmtree(root / "c/d")
            (root / "c/d").write_text("was a directory")
            os.link(root / "b/1", root / "b/hard")
        umoci("repack", "--image", "l:v1", "b")
        shutil.rmtree(short_tmp / "b")
    umoci("unpack", "--image", "l:v1", "b")
    (image,) = carob("fetch", "--full", short_tmp / "l").stdout.split()
    merged = short_tmp / "m"
    merged.mkdir()
    lowers = ":".join(map(str, layer_dirs(data_dir, image)))
    assert lowers.count(":") == 3
    subprocess.run(["mount", "-t", "overlay", "-o", f"ro,lowerdir={lowers}", "none", merged], check=True)
    try:
        got = describe(merged, times=False)
    finally:
        subprocess.run(["umount", merged], check=True)
    want = describe(root, times=False)
    for facts in (*want.values(), *got.values()):
        facts.pop("xattrs")
        facts.pop("same as", None)  # overlayfs shows hard links across layers as it may
    want["."]["mode"] = got["."]["mode"]  # umoci's own directory
    assert got == want


@pytest.mark.parametrize("pack", ["", "gzip", "zstd"])
def test_packings_of_layers_give_one_layer(carob, data_dir, short_tmp, pack):
    tar = tar_of(("a", b"x" * 100000), ("d", tarfile.DIRTYPE))

    def packed(t):
        if not pack:
            return t, ""
        return subprocess.run([pack, "-c"], input=t, stdout=subprocess.PIPE, check=True).stdout, "+" + pack

    (first,) = carob("fetch", "--full", Layout(short_tmp / "a").image(tar)).stdout.split()
    (second,) = carob("fetch", "--full", Layout(short_tmp / "b").image(tar, pack=packed)).stdout.split()
    assert (first == second) == (not pack)
    assert record(data_dir, first)["layers"] == record(data_dir, second)["layers"]


def test_hundred_layers(carob, data_dir, short_tmp):
    tars = [tar_of((f"file-{i}", b"layer %d" % i), ("same", b"layer %d" % i)) for i in range(100)]
    (image,) = carob("fetch", "--full", Layout(short_tmp / "l").image(*tars, pack=gz)).stdout.split()
    dirs = layer_dirs(data_dir, image)
    assert len(dirs) == 100
    assert (dirs[0] / "same").read_text() == "layer 99" and (dirs[99] / "same").read_text() == "layer 0"


def test_too_many_layers(carob, data_dir, short_tmp):
    tars = [tar_of((f"file-{i}", b"")) for i in range(501)]
    done = carob("fetch", Layout(short_tmp / "l").image(*tars), status=254)
    assert "layers" in done.stderr and "500" in done.stderr
    assert visible(data_dir) == ([], [], [])


# Archives made to hurt: (name of the case, tar, what the message must hold)
def hostile():
    yield "dotdot", tar_of(("ok", b"x"), ("../../../../../../tmp/carob-evil", b"x")), 'entry "../../../../../../tmp/carob-evil": ".." in the name'
    yield "symlink", tar_of(("out", tarfile.SYMTYPE, "/tmp"), ("out/carob-evil", b"x")), 'its directory "out" is a symbolic link'
    yield "relative-symlink", tar_of(("out", tarfile.SYMTYPE, "../" * 20 + "tmp"), ("out/carob-evil", b"x")), 'its directory "out" is a symbolic link'
    yield "hardlink", tar_of(("a", tarfile.LNKTYPE, "/etc/passwd")), 'hard link to "etc/passwd", which is not in the image'
    yield "hardlink-dotdot", tar_of(("a", tarfile.LNKTYPE, "../../../etc/passwd")), '".." in the link target'
    yield "long-name", tar_of(("/".join(["n" * 200] * 25), b"x")), "name has 5024 bytes, more than 4096 (limit)"
    yield "long-component", tar_of(("n" * 300, b"x")), "a component of the name has 300 bytes, more than 255 (limit)"
    yield "deep", tar_of(("d/" * 300 + "f", b"x")), "name has more than 256 components (limit)"
    whole = tar_of(("a", b"x" * 5000), ("b", b"y" * 5000))
    yield "truncated", whole[:6000], "Truncated"
    big = bytearray(tar_of(("big", b"x")))
    big[124:136] = b"%011o\0" % (4 << 30)
    big[148:156] = b" " * 8
    big[148:156] = b"%06o\0 " % sum(big[:512])
    yield "claimed-size", bytes(big), 'entry "big": Truncated'
    yield "noise", os.urandom(20000), ""


@pytest.mark.parametrize("case", list(hostile()), ids=lambda c: c[0])
def test_hostile_layer(carob, data_dir, short_tmp, case):
    name, tar, text = case
    done = carob("fetch", Layout(short_tmp / "l").image(tar, pack=gz), status=254)
    assert done.stderr.startswith(f"fetch: {short_tmp}/l: blobs/sha256/"), done.stderr
    assert text in done.stderr
    assert visible(data_dir) == ([], [], [])
    assert not os.path.lexists("/tmp/carob-evil")
    assert {p.name for p in short_tmp.iterdir()} == {"data", "l"}


def fetch_bounded(build, data_dir, path, memory=400 << 20):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    return subprocess.run([build / "carob", f"--dir={data_dir}", "fetch", path], capture_output=True, text=True,
                          preexec_fn=limit, timeout=300)


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="AddressSanitizer needs all the address space")
def test_bombs_cost_neither_memory_nor_disk(build, data_dir, short_tmp):
    # 8 GiB of zeros in 260 KB, twice packed archives, and GNU sparse headers without end
    zeros = subprocess.run(["sh", "-c", "head -c 8G /dev/zero | zstd -c"], stdout=subprocess.PIPE, check=True).stdout
    head = tarfile.TarInfo("zeros")
    head.size = 8 << 30
    packed = subprocess.run(["zstd", "-c"], input=head.tobuf(), stdout=subprocess.PIPE, check=True).stdout
    layout = Layout(short_tmp / "l")
    layout.image(b"", pack=lambda t: (packed + zeros, "+zstd"))
    done = fetch_bounded(build, data_dir, layout.path)
    assert done.returncode == 254
    assert "a decompression bomb" in done.stderr
    assert visible(data_dir) == ([], [], [])

    sparse = bytearray(head.tobuf(tarfile.GNU_FORMAT))
    sparse[156:157] = b"S"
    sparse[386:482] = b"00000000001\00000000000000"[:24].ljust(24, b"0") * 4
    sparse[482] = 1
    sparse[148:156] = b" " * 8
    sparse[148:156] = b"%06o\0 " % sum(sparse[:512])
    more = (b"00000000001\00000000000000"[:23] + b"\0") * 21 + b"\1" + bytes(7)
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as f:
        f.write(sparse)
        for _ in range(100):
            f.write(more * 10000)
    layout = Layout(short_tmp / "s")
    layout.image(b"", pack=lambda t: (out.getvalue(), "+gzip"))
    done = fetch_bounded(build, data_dir, layout.path)
    assert done.returncode == 254
    assert "more than 16777216 bytes of headers" in done.stderr
    assert visible(data_dir) == ([], [], [])


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="AddressSanitizer needs all the address space")
def test_a_million_entries_fit_into_bounded_memory(build, data_dir, short_tmp):
    def entries(n, name, kind):
        out = io.BytesIO()
        with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as f:
            block = tarfile.TarInfo(name)
            block.type = kind
            block = block.tobuf()
            for _ in range(n // 1000):
                f.write(block * 1000)
            f.write(bytes(1024))
        return out.getvalue()

    layout = Layout(short_tmp / "l")
    layout.image(b"", pack=lambda t: (entries(1000000, "same", tarfile.DIRTYPE), "+gzip"))
    done = fetch_bounded(build, data_dir, layout.path)
    assert "wrong diff id" in done.stderr, "all was unpacked; only our config lies"
    assert visible(data_dir) == ([], [], [])
    layout = Layout(short_tmp / "m")
    layout.image(b"", pack=lambda t: (entries(2001000, ".wh..wh.ignored", tarfile.REGTYPE), "+gzip"))
    done = fetch_bounded(build, data_dir, layout.path)
    assert "more than 2000000 entries (limit)" in done.stderr
    assert visible(data_dir) == ([], [], [])


def many_files(n, size):
    return tar_of(*((f"d{i // 100}/f{i}", random.Random(i).randbytes(size)) for i in range(n)))


def test_sigkill_at_any_time_leaves_nothing_visible(build, carob, data_dir, short_tmp):
    path = Layout(short_tmp / "l").image(many_files(2000, 3000), many_files(500, 20000), pack=gz)
    carob("image", "list")
    start = time.monotonic()
    carob("fetch", path)
    whole = time.monotonic() - start
    carob("image", "rm", "app:1")
    carob("image", "gc", "--grace-period=0s")
    killed = 0
    for i in range(15):
        child = subprocess.Popen([build / "carob", f"--dir={data_dir}", "fetch", path], stdout=subprocess.DEVNULL)
        time.sleep(whole * i / 14)
        child.kill()
        killed += child.wait() == -signal.SIGKILL
        records, _, _ = visible(data_dir)
        for name in records:  # if it is there, it is whole
            for d in layer_dirs(data_dir, name):
                assert d.is_dir()
            assert carob("image", "cat-manifest", name).stdout
        if records:
            carob("image", "rm", records[0])
    assert killed > 5
    carob("fetch", path)
    records, layers, tmp = visible(data_dir)
    assert (len(records), len(layers), tmp) == (1, 2, [])
    assert sum(1 for d in layer_dirs(data_dir, records[0]) for p in d.rglob("f*") if p.is_file()) == 2500


@pytest.mark.parametrize("size", ["3M", "12M"])
def test_full_disk_is_an_error_and_leaves_nothing(build, short_tmp, size):
    path = Layout(short_tmp / "l").image(many_files(200, 50000), many_files(100, 50000), pack=gz)
    full = short_tmp / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", full], check=True)
    try:
        done = subprocess.run([build / "carob", f"--dir={full}", "fetch", path], capture_output=True, text=True)
        assert done.returncode == 254
        assert "No space left on device" in done.stderr
        assert str(path) in done.stderr
        assert visible(full) == ([], [], [])
    finally:
        subprocess.run(["umount", full], check=True)


def test_two_imports_of_one_image_at_once(build, carob, data_dir, short_tmp):
    path = Layout(short_tmp / "l").image(many_files(300, 3000), pack=gz)
    both = [subprocess.Popen([build / "carob", f"--dir={data_dir}", "fetch", path], stdout=subprocess.PIPE, text=True)
            for _ in range(4)]
    out = {p.communicate()[0] for p in both}
    assert [p.returncode for p in both] == [0] * 4
    assert len(out) == 1
    records, layers, tmp = visible(data_dir)
    assert (len(records), len(layers), tmp) == (1, 1, [])
