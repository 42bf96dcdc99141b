/*
 * A client of virtlockd in a process of its own, driven by lines on stdin.
 *
 * The daemon kills a client process whose SO_PEERCRED pid is the registered owner pid, and Deno can
 * neither pass descriptors nor take fcntl locks and leases, so what needs those is done here.
 *
 *   open CLIENT PATH        connect to a Unix socket
 *   send CLIENT HEX         write bytes
 *   pass CLIENT N           send N descriptors, each with one dummy byte in a message of its own
 *   half CLIENT             shutdown(SHUT_WR)
 *   close CLIENT
 *   sync                    read all sockets empty before answering
 *   ignore-term             survive SIGTERM
 *   fork                    a child that keeps every socket open and does nothing
 *   lock PATH r|w START LEN fcntl(F_SETLK), the file stays open
 *   lease PATH r|w          fcntl(F_SETLEASE), ignoring the kernel's requests to give it back
 *   drop PATH               close the file, giving up lock and lease
 *   exit CODE
 *
 * Every line is answered by "ok [VALUE]" or "error ERRNO-NAME"; beside the answers come
 * "data CLIENT HEX", "eof CLIENT" and, once, "pid N" at the start.
 * With the argument "unreaped" the client is a child whose parent never waits for it, so that it
 * stays a zombie; the parent reports "fate SIGNAL".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SOCKETS 64
#define MAX_FILES 64
#define MAX_LINE (1 << 20)

struct slot { char name[256]; int fd; };
static struct slot sockets[MAX_SOCKETS], files[MAX_FILES];

static struct slot *find(struct slot *table, int size, const char *name)
{
    for (int i = 0; i < size; i++)
        if (table[i].fd > 0 && !strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

static struct slot *add(struct slot *table, int size, const char *name, int fd)
{
    for (int i = 0; i < size; i++) {
        if (table[i].fd > 0)
            continue;
        snprintf(table[i].name, sizeof table[i].name, "%s", name);
        table[i].fd = fd;
        return &table[i];
    }
    errno = EMFILE;
    return NULL;
}

static void forget(struct slot *slot)
{
    close(slot->fd);
    slot->fd = 0;
}

static int unhex(const char *hex, unsigned char *out)
{
    int n = 0;
    for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        out[n++] = byte;
    return n;
}

/* Returns 0 once the socket has nothing more to give for now. */
static int drain_once(struct slot *slot)
{
    unsigned char bytes[16384];
    ssize_t n = recv(slot->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        printf("eof %s\n", slot->name);
        forget(slot);
        return 0;
    }
    printf("data %s ", slot->name);
    for (ssize_t i = 0; i < n; i++)
        printf("%02x", bytes[i]);
    printf("\n");
    return 1;
}

static void drain_all(void)
{
    for (int i = 0; i < MAX_SOCKETS; i++)
        while (sockets[i].fd > 0 && drain_once(&sockets[i]))
            ;
}

static int open_socket(const char *name, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return -1;
    }
    return add(sockets, MAX_SOCKETS, name, fd) ? 0 : -1;
}

static int send_bytes(int fd, const char *hex)
{
    static unsigned char bytes[MAX_LINE / 2];
    int size = unhex(hex, bytes);
    for (int sent = 0; sent < size;) {
        ssize_t n = send(fd, bytes + sent, size - sent, MSG_NOSIGNAL);
        if (n < 0)
            return -1;
        sent += n;
    }
    return 0;
}

static int pass_descriptor(int fd)
{
    char dummy = 0;
    union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = { 0 };
    struct iovec iov = { &dummy, 1 };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
                              .msg_control = &control, .msg_controllen = sizeof control };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int passed = open("/dev/null", O_RDONLY), result;
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &passed, sizeof passed);
    result = sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
    close(passed);
    return result;
}

static int pass_descriptors(int fd, int count)
{
    while (count-- > 0)
        if (pass_descriptor(fd) < 0)
            return -1;
    return 0;
}

static int hold_file(const char *path, int fd)
{
    if (fd < 0)
        return -1;
    return add(files, MAX_FILES, path, fd) ? 0 : -1;
}

static int take_lock(const char *path, char kind, long start, long length)
{
    struct flock lock = { .l_type = kind == 'r' ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET,
                          .l_start = start, .l_len = length };
    struct slot *held = find(files, MAX_FILES, path);
    int fd = held ? held->fd : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0)
        return -1;
    return held ? 0 : hold_file(path, fd);
}

static int take_lease(const char *path, char kind)
{
    int fd = open(path, (kind == 'r' ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0 || fcntl(fd, F_SETLEASE, kind == 'r' ? F_RDLCK : F_WRLCK) < 0)
        return -1;
    return hold_file(path, fd);
}

static int fork_keeper(void)
{
    pid_t child = fork();
    if (child == 0) {
        close(0);
        close(1);
        signal(SIGTERM, SIG_DFL);
        for (;;)
            pause();
    }
    return child;
}

static int on_socket(const char *verb, const char *name, const char *argument)
{
    struct slot *slot = find(sockets, MAX_SOCKETS, name);
    if (!slot) {
        errno = EPIPE; /* the daemon closed it already */
        return -1;
    }
    if (!strcmp(verb, "send"))
        return send_bytes(slot->fd, argument);
    if (!strcmp(verb, "pass"))
        return pass_descriptors(slot->fd, atoi(argument));
    if (!strcmp(verb, "half"))
        return shutdown(slot->fd, SHUT_WR);
    forget(slot);
    return 0;
}

static int drop_file(const char *path)
{
    struct slot *slot = find(files, MAX_FILES, path);
    if (slot)
        forget(slot);
    return 0;
}

static int obey(const char *verb, const char *name, const char *rest)
{
    char kind = 'w';
    long start = 0, length = 1;
    sscanf(rest, "%c %ld %ld", &kind, &start, &length);
    if (!strcmp(verb, "open")) return open_socket(name, rest);
    if (!strcmp(verb, "lock")) return take_lock(name, kind, start, length);
    if (!strcmp(verb, "lease")) return take_lease(name, kind);
    if (!strcmp(verb, "drop")) return drop_file(name);
    if (!strcmp(verb, "fork")) return fork_keeper();
    if (!strcmp(verb, "sync")) { drain_all(); return 0; }
    if (!strcmp(verb, "ignore-term")) { signal(SIGTERM, SIG_IGN); return 0; }
    if (!strcmp(verb, "exit")) exit(atoi(name));
    return on_socket(verb, name, rest);
}

static void obey_line(char *line)
{
    char *save = NULL;
    const char *verb = strtok_r(line, " \n", &save);
    const char *name = strtok_r(NULL, " \n", &save);
    const char *rest = strtok_r(NULL, "\n", &save);
    int result = verb ? obey(verb, name ? name : "", rest ? rest : "") : 0;
    if (result < 0)
        printf("error %s\n", strerrorname_np(errno));
    else
        printf("ok %d\n", result);
}

/* Lines may come in pieces: a 1 MiB line is larger than the pipe. */
static void read_commands(void)
{
    static char buffer[MAX_LINE + 1];
    static size_t used;
    ssize_t n = read(0, buffer + used, MAX_LINE - used);
    char *end;
    if (n <= 0)
        exit(0); /* whoever drives us is gone */
    used += n;
    while ((end = memchr(buffer, '\n', used))) {
        size_t line = end + 1 - buffer;
        *end = 0;
        obey_line(buffer);
        memmove(buffer, end + 1, used -= line);
    }
}

static void serve(void)
{
    struct pollfd watched[MAX_SOCKETS + 1];
    printf("pid %d\n", getpid());
    for (;;) {
        int n = 0;
        fflush(stdout);
        watched[n++] = (struct pollfd){ 0, POLLIN, 0 };
        for (int i = 0; i < MAX_SOCKETS; i++)
            if (sockets[i].fd > 0)
                watched[n++] = (struct pollfd){ sockets[i].fd, POLLIN, 0 };
        if (poll(watched, n, -1) < 0)
            continue;
        drain_all();
        if (watched[0].revents)
            read_commands();
    }
}

static void never_wait_for(pid_t child)
{
    siginfo_t info;
    char byte;
    signal(SIGTERM, SIG_IGN);
    while (waitid(P_PID, child, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
    printf("fate %d\n", info.si_code == CLD_EXITED ? 0 : info.si_status);
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
    exit(0);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGIO, SIG_IGN); /* a lease break; we are stubborn on purpose */
    if (argc > 1 && !strcmp(argv[1], "unreaped")) {
        pid_t child = fork();
        if (child > 0)
            never_wait_for(child);
    }
    serve();
}
