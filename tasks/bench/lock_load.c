/*
 * Load on a virtlockd: one thread, N connections, each with one request under way. A pair is ACQUIRE_RESOURCE (exclusive,
 * autocreate) and RELEASE_RESOURCE of a resource of its own.
 *
 *     lock_load SOCKET LOCKSPACE CLIENTS PAIRS
 *
 * Prints one line of JSON: pairs per second, and the median and 99th percentile of a pair in microseconds. Registers a pid that
 * is not its own, so that nobody is ended when it disconnects.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>

enum { PROGRAM = 0x0EA7BEEF, REGISTER = 1, ACQUIRE = 6, RELEASE = 7, CREATE_LOCKSPACE = 8, AUTOCREATE = 2, REPLY_BYTES = 28 };

struct frame { uint8_t bytes[512]; size_t length; };

struct client { int fd; struct frame acquire, release; int acquiring; double began; };

static void die(const char *what) { perror(what); exit(1); }

static void word(struct frame *f, uint32_t value) {
    value = htonl(value);
    memcpy(f->bytes + f->length, &value, 4);
    f->length += 4;
}

static void string(struct frame *f, const char *text) {
    size_t n = strlen(text);
    word(f, n);
    memcpy(f->bytes + f->length, text, n);
    f->length += (n + 3) & ~3u;
}

static void begin(struct frame *f, uint32_t procedure) {
    memset(f, 0, sizeof *f);
    uint32_t header[] = { 0, PROGRAM, 1, procedure, 0, 0, 0 };
    for (size_t i = 0; i < 7; i++) word(f, header[i]);
}

static void end(struct frame *f) {
    uint32_t length = htonl(f->length);
    memcpy(f->bytes, &length, 4);
}

static void resource(struct frame *f, uint32_t procedure, const char *space, const char *name, uint32_t flags) {
    begin(f, procedure);
    string(f, space);
    string(f, name);
    word(f, flags);
    end(f);
}

static void send_frame(int fd, const struct frame *f) {
    if (write(fd, f->bytes, f->length) != (ssize_t)f->length) die("write");
}

/* Reads one reply, which must be a success. */
static void expect_ok(int fd) {
    uint8_t reply[4096];
    ssize_t n = read(fd, reply, sizeof reply);
    if (n != REPLY_BYTES || reply[27] != 0) {
        fprintf(stderr, "unexpected reply of %zd bytes\n", n);
        exit(1);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return d < 0 ? -1 : d > 0;
}

static void open_client(struct client *c, const char *path, const char *space, int index) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct frame f;
    char name[32];
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
    begin(&f, REGISTER);
    f.length += 16; /* uuid */
    string(&f, "load");
    word(&f, 1);
    word(&f, getppid());
    word(&f, 0);
    end(&f);
    send_frame(c->fd, &f);
    expect_ok(c->fd);
    snprintf(name, sizeof name, "resource-%d", index);
    resource(&c->acquire, ACQUIRE, space, name, AUTOCREATE);
    resource(&c->release, RELEASE, space, name, 0);
}

static void create_lockspace(int fd, const char *space) {
    struct frame f;
    begin(&f, CREATE_LOCKSPACE);
    string(&f, space);
    end(&f);
    send_frame(fd, &f);
    expect_ok(fd);
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
