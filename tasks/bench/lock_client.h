/* What the load programs share: frames of the lock program, written straight into buffers, and one connection. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>

enum { PROGRAM = 0x0EA7BEEF, REGISTER = 1, ACQUIRE = 6, RELEASE = 7, CREATE_LOCKSPACE = 8, AUTOCREATE = 2, REPLY_BYTES = 28 };

struct frame { uint8_t bytes[512]; size_t length; };

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

/* A connection that has registered a pid which is not its own. */
static int connect_registered(const char *path) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct frame f;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
    begin(&f, REGISTER);
    f.length += 16; /* uuid */
    string(&f, "load");
    word(&f, 1);
    word(&f, getppid());
    word(&f, 0);
    end(&f);
    send_frame(fd, &f);
    expect_ok(fd);
    return fd;
}

static void create_lockspace(int fd, const char *space) {
    struct frame f;
    begin(&f, CREATE_LOCKSPACE);
    string(&f, space);
    end(&f);
    send_frame(fd, &f);
    expect_ok(fd);
}
