/* SPDX-License-Identifier: Apache-2.0 */
/* The raw pipe: drain FILE copies its stdin to FILE as `cat` would, 64 KiB at a time and without splice. */
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        static char buf[64 * 1024];
        ssize_t n;
        int fd;

        if (argc != 2)
                return 2;
        fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        if (fd < 0)
                return 1;
        while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
                for (ssize_t done = 0, w; done < n; done += w)
                        if ((w = write(fd, buf + done, (size_t)(n - done))) <= 0)
                                return 1;
        return n < 0;
}
