/*
 * A thousand locks and a hundred connections for virtlockd to hand over.
 *
 *   handover_load SOCKET CLIENTS HOLDERS EXCLUSIVE SHARED DIRECT
 *
 * Every client is registered for a process of its own. The first HOLDERS of them are as a guest's:
 * their process is the one which called connect(), so that the daemon frees their locks and kills
 * it when the connection ends. The locks are dealt out in turn: EXCLUSIVE and SHARED (two owners
 * each) lease files of the lockspace /srv/load, DIRECT files in /srv/direct of the default one.
 *
 * Prints "ready" once all are held, then answers lines on stdin:
 *   round         every client: PING, RELEASE and ACQUIRE of one of its locks
 *                 -> "round ANSWERED FAILED DROPPED"
 *   reexec PID    SIGUSR1 -> "reexec MICROSECONDS", until the first PING is answered by the new
 *                 program image, or "reexec gone" if the process ends
 *   drop N        closes the connection of client N -> "drop PID", the pid of its process
 *
 * Formats: libvirt src/locking/lock_protocol.x, src/rpc/virnetprotocol.x.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOCK_PROGRAM 0x0ea7beef
#define KEEPALIVE_PROGRAM 0x6b656570
#define LOCKSPACE "/srv/load"
#define DIRECT_FOLDER "/srv/direct"
#define MAX_CLIENTS 1000
#define MAX_FRAME 4096
#define REPLY_TIMEOUT_S 10
#define POLL_NS 200000
#define GONE -1L

enum { REGISTER = 1, ACQUIRE = 6, RELEASE = 7, CREATE_LOCKSPACE = 8 };
enum { SHARED = 1, AUTOCREATE = 2 };
enum { OK, FAILED, DROPPED };

struct client { int fd; pid_t pid; };
static struct client clients[MAX_CLIENTS];
static int count;
static uint32_t serial;

struct frame { size_t size; unsigned char bytes[MAX_FRAME]; };

static void die(const char *what)
{
    printf("failed %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put_word(struct frame *frame, uint32_t word)
{
    word = htonl(word);
    memcpy(frame->bytes + frame->size, &word, 4);
    frame->size += 4;
}

static void put_string(struct frame *frame, const char *text)
{
    size_t length = strlen(text);
    put_word(frame, length);
    memset(frame->bytes + frame->size, 0, length + 4);
    memcpy(frame->bytes + frame->size, text, length);
    frame->size += (length + 3) / 4 * 4;
}

static struct frame start_frame(uint32_t program, uint32_t procedure, uint32_t type)
{
    struct frame frame = { 0 };
    const uint32_t header[] = { 0, program, 1, procedure, type, serial, 0 };
    for (int i = 0; i < 7; i++)
        put_word(&frame, header[i]);
    return frame;
}

static uint32_t word_at(const struct frame *frame, size_t offset)
{
    uint32_t word;
    memcpy(&word, frame->bytes + offset, 4);
    return ntohl(word);
}

static int send_frame(int fd, struct frame *frame)
{
    uint32_t length = htonl(frame->size);
    memcpy(frame->bytes, &length, 4);
    return send(fd, frame->bytes, frame->size, MSG_NOSIGNAL) == (ssize_t)frame->size ? OK : DROPPED;
}

static int receive_exactly(int fd, unsigned char *to, size_t size)
{
    return recv(fd, to, size, MSG_WAITALL) == (ssize_t)size ? OK : DROPPED;
}

static int receive_frame(int fd, struct frame *frame)
{
    if (receive_exactly(fd, frame->bytes, 4) != OK)
        return DROPPED;
    frame->size = word_at(frame, 0);
    if (frame->size < 28 || frame->size > MAX_FRAME)
        return DROPPED;
    return receive_exactly(fd, frame->bytes + 4, frame->size - 4);
}

/* The reply must be the one to this call. */
static int call(int fd, struct frame *request)
{
    struct frame reply;
    if (send_frame(fd, request) != OK || receive_frame(fd, &reply) != OK)
        return DROPPED;
    if (word_at(&reply, 20) != serial++)
        return FAILED;
    return word_at(&reply, 24) == 0 ? OK : FAILED;
}

static int ping(int fd)
{
    struct frame request = start_frame(KEEPALIVE_PROGRAM, 1, 2), reply;
    if (send_frame(fd, &request) != OK || receive_frame(fd, &reply) != OK)
        return DROPPED;
    return word_at(&reply, 4) == KEEPALIVE_PROGRAM && word_at(&reply, 12) == 2 ? OK : FAILED;
}

static int on_resource(int fd, int procedure, const char *path, const char *name, uint32_t flags)
{
    struct frame request = start_frame(LOCK_PROGRAM, procedure, 0);
    put_string(&request, path);
    put_string(&request, name);
    put_word(&request, flags);
    return call(fd, &request);
}

static int register_owner(int fd, int number, pid_t pid)
{
    struct frame request = start_frame(LOCK_PROGRAM, REGISTER, 0);
    char name[32];
    for (int i = 0; i < 4; i++)
        put_word(&request, number);
    snprintf(name, sizeof name, "load-%d", number);
    put_string(&request, name);
    put_word(&request, number + 1);
    put_word(&request, pid);
    put_word(&request, 0);
    return call(fd, &request);
}

static int create_lockspace(int fd, const char *path)
{
    struct frame request = start_frame(LOCK_PROGRAM, CREATE_LOCKSPACE, 0);
    put_string(&request, path);
    return call(fd, &request);
}

static void connect_socket(int fd, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval timeout = { .tv_sec = REPLY_TIMEOUT_S };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
}

/* A process that shares our descriptors, so that we can talk on the connection it has made. */
static pid_t start_process(int fd, const char *path, int connects)
{
    int done[2];
    char byte = 0;
    if (pipe(done) < 0)
        die("pipe");
    pid_t pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0)
        die("clone");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (connects)
            connect_socket(fd, path);
        if (write(done[1], &byte, 1) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    if (read(done[0], &byte, 1) < 0)
        die("read");
    close(done[0]);
    close(done[1]);
    return pid;
}

static void open_client(int number, const char *path, int holder)
{
    struct client *client = &clients[number];
    client->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    client->pid = start_process(client->fd, path, holder);
    if (!holder)
        connect_socket(client->fd, path);
    if (register_owner(client->fd, number, client->pid) != OK)
        die("REGISTER");
}

static void acquire(int number, const char *path, const char *name, uint32_t flags)
{
    if (on_resource(clients[number % count].fd, ACQUIRE, path, name, flags) != OK)
        die(name);
}

static void acquire_exclusive(int total)
{
    char name[64];
    for (int i = 0; i < total; i++) {
        snprintf(name, sizeof name, "exclusive-%04d", i);
        acquire(i, LOCKSPACE, name, AUTOCREATE);
    }
}

static void acquire_shared(int total)
{
    char name[64];
    for (int i = 0; i < total; i++) {
        snprintf(name, sizeof name, "shared-%04d", i);
        acquire(i, LOCKSPACE, name, AUTOCREATE | SHARED);
        acquire(i + 1, LOCKSPACE, name, AUTOCREATE | SHARED);
    }
}

static void acquire_direct(int total)
{
    char name[64];
    mkdir(DIRECT_FOLDER, 0755);
    for (int i = 0; i < total; i++) {
        snprintf(name, sizeof name, DIRECT_FOLDER "/%04d", i);
        close(open(name, O_WRONLY | O_CREAT, 0600));
        acquire(i, "", name, 0);
    }
}

static int round_of(int number)
{
    char name[64];
    int fd = clients[number].fd, result = ping(fd);
    snprintf(name, sizeof name, "exclusive-%04d", number);
    if (result == OK)
        result = on_resource(fd, RELEASE, LOCKSPACE, name, 0);
    return result == OK ? on_resource(fd, ACQUIRE, LOCKSPACE, name, AUTOCREATE) : result;
}

static void round_of_all(void)
{
    int results[3] = { 0 };
    for (int i = 0; i < count; i++)
        if (clients[i].fd >= 0)
            results[round_of(i)]++;
    printf("round %d %d %d\n", results[OK], results[FAILED], results[DROPPED]);
}

/*
 * Address of the stack, another one after every execve: field 28 of /proc/PID/stat. It is 0 in the
 * midst of the execve. GONE: no such process, or a zombie.
 */
static long image_of(pid_t pid)
{
    char path[64], text[2048] = "", *at;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return GONE;
    at = fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
    fclose(file);
    if (!at || at[2] == 'Z')
        return GONE;
    for (int field = 2; field < 28; field++)
        at = strchr(at + 1, ' ');
    return strtol(at, NULL, 10);
}

static long microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

static void reexec(pid_t pid)
{
    const struct timespec interval = { 0, POLL_NS };
    long before = image_of(pid), now, start = microseconds();
    kill(pid, SIGUSR1);
    while ((now = image_of(pid)) == before || now == 0)
        nanosleep(&interval, NULL);
    if (now == GONE || ping(clients[0].fd) != OK)
        printf("reexec gone\n");
    else
        printf("reexec %ld\n", microseconds() - start);
}

static void drop(int number)
{
    close(clients[number].fd);
    clients[number].fd = -1;
    printf("drop %d\n", clients[number].pid);
}

int main(int argc, char **argv)
{
    char line[256], verb[32];
    int number;
    if (argc != 7 || (count = atoi(argv[2])) > MAX_CLIENTS)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < count; i++)
        open_client(i, argv[1], i < atoi(argv[3]));
    if (create_lockspace(clients[0].fd, LOCKSPACE) != OK)
        die("CREATE_LOCKSPACE");
    acquire_exclusive(atoi(argv[4]));
    acquire_shared(atoi(argv[5]));
    acquire_direct(atoi(argv[6]));
    printf("ready\n");
    while (fgets(line, sizeof line, stdin)) {
        number = 0;
        sscanf(line, "%31s %d", verb, &number);
        if (!strcmp(verb, "round")) round_of_all();
        else if (!strcmp(verb, "reexec")) reexec(number);
        else if (!strcmp(verb, "drop")) drop(number);
    }
    return 0;
}
