# SPDX-License-Identifier: Apache-2.0
"""What the log path costs: writing, reading the end of large logs, and following."""
import throughput


def main(place, build):
    throughput.main(place, build)
