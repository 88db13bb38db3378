/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An app that writes lines to its stdout as fast as it can: writer LINE_BYTES TOTAL_BYTES WRITE_BYTES. WRITE_BYTES 0: one
 * line per write. Then it waits until its reader has taken all, says on stderr how long that took, and sleeps, so that
 * whoever measures may still look at its reader. LINE_BYTES 0: TOTAL lines, 10 ms apart, each its time (CLOCK_REALTIME).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void write_all(const char *p, size_t n)
{
        while (n > 0) {
                ssize_t done = write(STDOUT_FILENO, p, n);

                if (done <= 0)
                        exit(1);
                p += done;
                n -= (size_t)done;
        }
}

static void wait_until_taken(void)
{
        for (int left = 1; left > 0;) {
                if (ioctl(STDOUT_FILENO, FIONREAD, &left) < 0)
                        exit(1);
                (void)nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
        }
}

static void tick(size_t lines)
{
        for (size_t i = 0; i < lines; i++) {
                struct timespec ts;

                (void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
                (void)clock_gettime(CLOCK_REALTIME, &ts);
                (void)dprintf(STDOUT_FILENO, "%lld\n", ts.tv_sec * 1000000000LL + ts.tv_nsec);
        }
        for (;;)
                (void)pause();
}

int main(int argc, char **argv)
{
        size_t line, total, batch, lines;
        long long began;
        char *buf;

        if (argc != 4)
                return 2;
        line = strtoul(argv[1], NULL, 10);
        total = strtoul(argv[2], NULL, 10);
        batch = strtoul(argv[3], NULL, 10);
        if (line == 0)
                tick(total);
        if (line < 2)
                return 2;
        lines = batch > line ? batch / line : 1;
        buf = malloc(lines * line);
        if (!buf)
                return 1;
        memset(buf, 'x', lines * line);
        for (size_t i = 1; i <= lines; i++)
                buf[i * line - 1] = '\n';
        (void)nanosleep(&(struct timespec){ .tv_nsec = 300000000 },
                        NULL); /* the start is not what is measured */
        began = now();
        for (size_t done = 0; done < total; done += lines * line)
                write_all(buf, lines * line);
        wait_until_taken();
        (void)dprintf(STDERR_FILENO, "took %lld ns\n", now() - began);
        for (;;)
                (void)pause();
}
