/*
 * Very many clients of virtlockd in one process.
 *
 *   crowd SOCKET IDLE ACTIVE
 *
 * Prints "ready" once all are connected and registered, for a process that is not this one, so that their end ends nobody. Then
 * it answers lines on stdin:
 *   pings        a PING from every idle client -> "pings ANSWERED"
 *   pairs N      every active client acquires and releases a lease of its own, again and again, until each has done so N times
 *                -> "pairs LEAST MOST FAILED"
 *
 * A client waits for each answer before its next request; none is waited for longer than 30 s.
 */
#include "../../../tasks/bench/lock_client.h"
#include <poll.h>
#include <sys/time.h>

enum { MOST_CLIENTS = 20000, PATIENCE_S = 30 };
#define LOCKSPACE "/srv/leases"

static int idle[MOST_CLIENTS], active[MOST_CLIENTS];
static struct frame requests[MOST_CLIENTS][2];
static struct pollfd watched[MOST_CLIENTS];
static long done[MOST_CLIENTS];
static const struct frame ping = {
    .bytes = { 0, 0, 0, 28, 0x6b, 0x65, 0x65, 0x70, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2 }, .length = 28,
};

static int join(const char *path) {
    struct timeval patience = { .tv_sec = PATIENCE_S };
    int fd = connect_registered(path);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0) die("SO_RCVTIMEO");
    return fd;
}

/* Whether one answer of the length of a success has come. */
static int answered(int fd, int status_at) {
    uint8_t reply[4096];
    return read(fd, reply, sizeof reply) == REPLY_BYTES && reply[status_at] == 0;
}

static void pings(int count) {
    int answers = 0;
    for (int i = 0; i < count; i++) send_frame(idle[i], &ping);
    for (int i = 0; i < count; i++) answers += answered(idle[i], 27);
    printf("pings %d\n", answers);
}

static void prepare(int i) {
    char name[32];
    snprintf(name, sizeof name, "lease-%d", i);
    resource(&requests[i][0], ACQUIRE, LOCKSPACE, name, AUTOCREATE);
    resource(&requests[i][1], RELEASE, LOCKSPACE, name, 0);
}

/* All go on until the slowest is there, so that nobody is served because others are through. */
static void pairs(int count, long wanted) {
    long least = 0, most = 0, failed = 0;
    double deadline = now() + PATIENCE_S;
    for (int i = 0; i < count; i++) {
        done[i] = 0;
        watched[i] = (struct pollfd){ active[i], POLLIN, 0 };
        send_frame(active[i], &requests[i][0]);
    }
    while (least < 2 * wanted && now() < deadline) {
        if (poll(watched, count, 1000) < 0) die("poll");
        least = 2 * wanted;
        most = 0;
        for (int i = 0; i < count; i++) {
            if (watched[i].revents) {
                failed += !answered(active[i], 27);
                send_frame(active[i], &requests[i][++done[i] % 2]);
            }
            if (done[i] < least) least = done[i];
            if (done[i] > most) most = done[i];
        }
    }
    for (int i = 0; i < count; i++) {
        failed += !answered(active[i], 27);
        if (done[i] % 2) continue;
        send_frame(active[i], &requests[i][1]); /* what was asked for last is a lock */
        failed += !answered(active[i], 27);
    }
    printf("pairs %ld %ld %ld\n", least / 2, most / 2, failed);
}

int main(int argc, char **argv) {
    char line[64];
    long number;
    int idlers = argc > 3 ? atoi(argv[2]) : 0, actives = argc > 3 ? atoi(argv[3]) : 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < idlers; i++) idle[i] = join(argv[1]);
    for (int i = 0; i < actives; i++) {
        active[i] = join(argv[1]);
        prepare(i);
    }
    if (actives > 0) create_lockspace(active[0], LOCKSPACE);
    printf("ready\n");
    while (fgets(line, sizeof line, stdin)) {
        if (!strcmp(line, "pings\n")) pings(idlers);
        else if (sscanf(line, "pairs %ld", &number) == 1) pairs(actives, number);
    }
    return 0;
}
