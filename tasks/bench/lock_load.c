/*
 * Load on a virtlockd: one thread, N connections, each with one request under way. A pair is ACQUIRE_RESOURCE (exclusive,
 * autocreate) and RELEASE_RESOURCE of a resource of its own.
 *
 *     lock_load SOCKET LOCKSPACE CLIENTS PAIRS
 *
 * Prints one line of JSON: pairs per second, and the median and 99th percentile of a pair in microseconds. Registers a pid that
 * is not its own, so that nobody is ended when it disconnects.
 */
#include "lock_client.h"
#include <sys/epoll.h>

struct client { int fd; struct frame acquire, release; int acquiring; double began; };

static int compare(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return d < 0 ? -1 : d > 0;
}

static void open_client(struct client *c, const char *path, const char *space, int index) {
    char name[32];
    c->fd = connect_registered(path);
    snprintf(name, sizeof name, "resource-%d", index);
    resource(&c->acquire, ACQUIRE, space, name, AUTOCREATE);
    resource(&c->release, RELEASE, space, name, 0);
}

static void start_pair(struct client *c) {
    c->acquiring = 1;
    c->began = now();
    send_frame(c->fd, &c->acquire);
}

int main(int argc, char **argv) {
    if (argc != 5) return 64;
    int count = atoi(argv[3]);
    long pairs = atol(argv[4]), started = 0, finished = 0;
    struct client *clients = calloc(count, sizeof *clients);
    double *latency = calloc(pairs, sizeof *latency);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < count; i++) {
        open_client(&clients[i], argv[1], argv[2], i);
        if (i == 0) create_lockspace(clients[i].fd, argv[2]);
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };
        epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
    }
    double began = now();
    for (int i = 0; i < count && started < pairs; i++, started++) start_pair(&clients[i]);
    while (finished < pairs) {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, 256, 30000);
        if (ready <= 0) die("epoll_wait");
        for (int i = 0; i < ready; i++) {
            struct client *c = events[i].data.ptr;
            expect_ok(c->fd);
            if (c->acquiring) {
                c->acquiring = 0;
                send_frame(c->fd, &c->release);
                continue;
            }
            latency[finished++] = now() - c->began;
            if (started < pairs) { started++; start_pair(c); }
        }
    }
    double seconds = now() - began;
    qsort(latency, pairs, sizeof *latency, compare);
    printf("{\"pairsPerSecond\": %.0f, \"p50Us\": %.1f, \"p99Us\": %.1f}\n", pairs / seconds,
           latency[pairs / 2] * 1e6, latency[pairs * 99 / 100] * 1e6);
    return 0;
}
