# SPDX-License-Identifier: Apache-2.0
"""What the log path costs: writing, reading the end of large logs, and following."""
import reading
import throughput


def main(place, build, podman, limits):
    writer, drain = throughput.compile_programs(build / "bench-logs")
    root = throughput.rootfs(place, writer)
    throughput.main(place, build, root, writer, drain)
    reading.main(place, build, root, podman, limits)
