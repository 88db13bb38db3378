# SPDX-License-Identifier: Apache-2.0
"""Carob on a machine with nothing but cgroup v2: a small virtual one, with Debian's own kernel."""
import os
import pathlib
import platform
import shutil
import subprocess

import pytest

VM = pathlib.Path(__file__).resolve().parent.parent / "vm"


def missing():
    if platform.machine() != "x86_64":
        return "the virtual machine is for x86-64 hosts"
    for tool in ("qemu-system-x86_64", "cpio", "zstd", "crun", "apt-get"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    return None


def kernel_tree(tmp_path):
    """Debian's cloud kernel, unpacked and not installed: the host's boot files are none of our business."""
    show = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"], text=True, stdout=subprocess.PIPE)
    names = [line.split()[-1] for line in show.stdout.splitlines() if "Depends: linux-image-" in line]
    if not names or subprocess.run(["apt-get", "download", "-q", names[0]], cwd=tmp_path,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("Debian's cloud kernel cannot be downloaded here")
    tree = tmp_path / "kernel"
    subprocess.run(["dpkg-deb", "-x", next(tmp_path.glob("linux-image-*.deb")), tree], check=True)
    return tree


def test_pods_on_pure_cgroup_v2(tmp_path, build):
    reason = missing()
    if reason:
        pytest.skip(reason)
    if "-asan" in str(build):
        pytest.skip("the sanitizers' run-time does not fit the small machine; the plain build runs there")
    kernel = kernel_tree(tmp_path)
    initramfs = tmp_path / "initramfs"
    subprocess.run([VM / "make-initramfs", build, kernel, initramfs], check=True)
    done = subprocess.run(
        ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024", "-display", "none",
         "-nic", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot",
         "-kernel", next((kernel / "boot").glob("vmlinuz-*")), "-initrd", initramfs,
         "-append", "console=ttyS0 panic=-1 quiet"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        timeout=300)
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "CHECKS DONE" in lines, done.stdout[-4000:]
    failed = [line for line in lines if line.startswith("CHECK failed")]
    assert not failed, "\n".join(failed) + "\n" + done.stdout[-4000:]
    assert sum(line.startswith("CHECK ok") for line in lines) >= 15, done.stdout[-4000:]
