/*
 * How long a virtlockd takes to start and to replace itself.
 *
 *     lock_times start SOCKET PROGRAM ARGUMENT…       from fork to the first answer; ends the program again
 *     lock_times reexec SOCKET PID LOCKSPACE LOCKS    from SIGUSR1 to the first answer of the new image, with LOCKS held
 *
 * Prints milliseconds.
 */
#include "lock_client.h"
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

enum { KEEPALIVE = 0x6b656570, PING = 1, MESSAGE = 2, PONG_WAIT_MS = 50, PROBE_US = 100 };

/* Whether somebody answers a PING on a new connection. */
static int answers(const char *path) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    uint32_t ping[] = { htonl(28), htonl(KEEPALIVE), htonl(1), htonl(PING), htonl(MESSAGE), 0, 0 };
    uint8_t pong[28];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 0;
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && write(fd, ping, sizeof ping) == sizeof ping &&
        poll(&ready, 1, PONG_WAIT_MS) == 1)
        yes = read(fd, pong, sizeof pong) == sizeof pong;
    close(fd);
    return yes;
}

/* Where the stack begins, field 28 of /proc/PID/stat: execve moves it. */
static unsigned long stack_start(pid_t pid) {
    char path[64], text[1024];
    unsigned long start = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) die(path);
    size_t n = fread(text, 1, sizeof text - 1, file);
    text[n] = 0;
    fclose(file);
    char *field = strrchr(text, ')') + 1;
    for (int i = 3; i < 28; i++) field = strchr(field + 1, ' ');
    sscanf(field, "%lu", &start);
    return start;
}

static double time_start(char **argv) {
    double began = now();
    pid_t pid = fork();
    if (pid == 0) {
        execv(argv[3], argv + 3);
        die(argv[3]);
    }
    while (!answers(argv[2])) usleep(PROBE_US);
    double took = now() - began;
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return took;
}

static double time_reexec(char **argv) {
    pid_t pid = atoi(argv[3]);
    int fd = connect_registered(argv[2]), locks = atoi(argv[5]);
    create_lockspace(fd, argv[4]);
    for (int i = 0; i < locks; i++) {
        struct frame f;
        char name[32];
        snprintf(name, sizeof name, "held-%d", i);
        resource(&f, ACQUIRE, argv[4], name, AUTOCREATE);
        send_frame(fd, &f);
        expect_ok(fd);
    }
    unsigned long before = stack_start(pid);
    double began = now();
    kill(pid, SIGUSR1);
    while (stack_start(pid) == before) usleep(PROBE_US);
    while (!answers(argv[2])) usleep(PROBE_US);
    double took = now() - began;
    for (int i = 0; i < locks; i++) {
        struct frame f;
        char name[32];
        snprintf(name, sizeof name, "held-%d", i);
        resource(&f, RELEASE, argv[4], name, 0);
        send_frame(fd, &f);
        expect_ok(fd);
    }
    return took;
}

int main(int argc, char **argv) {
    double took;
    if (argc >= 4 && strcmp(argv[1], "start") == 0) took = time_start(argv);
    else if (argc == 6 && strcmp(argv[1], "reexec") == 0) took = time_reexec(argv);
    else return 64;
    printf("%.2f\n", took * 1e3);
    return 0;
}
