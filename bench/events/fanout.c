/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel takes to bring one small message to many connections: fanout CONNECTIONS BYTES ROUNDS SENDER-CPU
 * RECEIVER-CPU. A process sends to one after the other, another receives; of each round it prints after how many
 * nanoseconds half of the connections had it, and all.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
        perror(what);
        exit(1);
}

static int64_t clock_now(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void pin(int cpu)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        (void)sched_setaffinity(0, sizeof(set), &set);
}

static void connect_all(int n, int *ours, int *theirs)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof(address);
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

        if (bind(listener, (struct sockaddr *)&address, len) < 0 || listen(listener, 16) < 0 ||
            getsockname(listener, (struct sockaddr *)&address, &len) < 0)
                die("listen");
        for (int i = 0; i < n; i++) {
                theirs[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (connect(theirs[i], (struct sockaddr *)&address, len) < 0)
                        die("connect");
                ours[i] = accept(listener, NULL, NULL);
                if (ours[i] < 0)
                        die("accept");
                (void)setsockopt(ours[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        }
        (void)close(listener);
}

/* Each round it writes when half of them and when all had come. */
static void receive(int n, const int *fds, int report)
{
        struct epoll_event events[64];
        int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        int64_t at[2];
        char buf[4096];

        for (int i = 0; i < n; i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.fd = fds[i] };

                (void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &event);
        }
        for (int had = 0;;) {
                int ready = epoll_wait(epoll_fd, events, 64, -1);

                for (int i = 0; i < ready; i++) {
                        if (recv(events[i].data.fd, buf, sizeof(buf), 0) <= 0)
                                exit(0);
                        had++;
                        if (had == n / 2)
                                at[0] = clock_now();
                        if (had < n)
                                continue;
                        at[1] = clock_now();
                        had = 0;
                        if (write(report, at, sizeof(at)) != sizeof(at))
                                exit(0);
                }
        }
}

int main(int argc, char **argv)
{
        static char message[4096];
        int n, bytes, rounds, report[2], *ours, *theirs;

        if (argc != 6)
                return 2;
        n = (int)strtol(argv[1], NULL, 10);
        bytes = (int)strtol(argv[2], NULL, 10);
        rounds = (int)strtol(argv[3], NULL, 10);
        ours = calloc((size_t)n, sizeof(*ours));
        theirs = calloc((size_t)n, sizeof(*theirs));
        if (!ours || !theirs || bytes < 1 || bytes > (int)sizeof(message) || pipe(report) < 0)
                return 2;
        connect_all(n, ours, theirs);
        if (fork() == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                pin((int)strtol(argv[5], NULL, 10));
                receive(n, theirs, report[1]);
        }
        pin((int)strtol(argv[4], NULL, 10));
        for (int round = 0; round < rounds; round++) {
                int64_t at[2], began;

                (void)nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);
                began = clock_now();
                for (int i = 0; i < n; i++)
                        if (send(ours[i], message, (size_t)bytes, MSG_NOSIGNAL) != bytes)
                                die("send");
                if (read(report[0], at, sizeof(at)) != sizeof(at))
                        die("read");
                (void)printf("%lld %lld\n", (long long)(at[0] - began), (long long)(at[1] - began));
        }
        return 0;
}
