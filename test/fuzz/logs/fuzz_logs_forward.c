/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log file of any bytes on its way to the journal: forwarding ends, whatever the journal takes at a time, and the pieces
 * stay under their limit. The first byte chooses how much it takes.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "logs/forward.h"
#include "util/auto.h"
#include "util/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that has come; how many bytes of text there were. */
static size_t receive(int fd)
{
        static char datagram[LOGS_JOURNAL_TEXT_MAX + 1024];
        size_t total = 0;
        ssize_t n;

        while ((n = recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT)) > 0) {
                const char *text = memmem(datagram, (size_t)n, "\nMESSAGE\n", 9);
                uint64_t len;

                assert(text);
                memcpy(&len, text + 9, sizeof(len));
                assert(len <= LOGS_JOURNAL_TEXT_MAX && text + 17 + len + 1 == datagram + n);
                total += len;
        }
        return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char window[LOGS_FORWARD_WINDOW];
        static char dir[] = "/tmp/carob-fuzz-XXXXXX";
        size_t entries = size > 0 ? data[0] % 8 + 1 : 1, total = 0;
        struct logs_writer writer;
        struct logs_forward forward;
        enum logs_forward_result r;
        struct err e;
        int dirfd, fds[2];

        memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
        if (!mkdtemp(dir) || (dirfd = fs_open_dir_path(dir)) < 0 ||
            socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds) < 0 ||
            logs_writer_open(dirfd, "app", NULL, &writer, &e) < 0 ||
            logs_forward_init(&forward, &writer, "u", NULL, &e) < 0 ||
            fs_write_all(writer.fd, data, size) < 0)
                abort();
        writer.size = size;
        do {
                r = logs_forward_some(&forward, fds[0], window, entries);
                assert(r != LOGS_FORWARD_GONE);
                total += receive(fds[1]);
        } while (r != LOGS_FORWARD_IDLE);
        assert(total <= size);
        logs_forward_done(&forward);
        logs_writer_done(&writer);
        (void)close(fds[0]);
        (void)close(fds[1]);
        (void)fs_remove_tree(AT_FDCWD, dir);
        (void)close(dirfd);
        return 0;
}
