/*
 * Starts a program as systemd does for socket units (sd_listen_fds(3)).
 *
 *   activate PID NAMES PATHS PROGRAM [ARG...]
 *
 * PATHS and NAMES are lists with colons. Listens on each path, puts the sockets at descriptors 3, 4 ..., and executes PROGRAM with
 * LISTEN_FDS, LISTEN_FDNAMES (not with NAMES "-"), and LISTEN_PID, which is PID, or the program's own with PID "self".
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(100); }

static void listen_at(const char *path, int wanted) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 30) < 0) die(path);
    if (fd == wanted) return;
    if (dup2(fd, wanted) < 0) die("dup2");
    close(fd);
}

int main(int argc, char **argv) {
    char number[16];
    int count = 0;
    if (argc < 5) return 100;
    for (char *path = strtok(argv[3], ":"); path; path = strtok(NULL, ":")) listen_at(path, 3 + count++);
    snprintf(number, sizeof number, "%d", count);
    setenv("LISTEN_FDS", number, 1);
    if (strcmp(argv[2], "-")) setenv("LISTEN_FDNAMES", argv[2], 1);
    snprintf(number, sizeof number, "%d", getpid());
    setenv("LISTEN_PID", strcmp(argv[1], "self") ? argv[1] : number, 1);
    execv(argv[4], argv + 4);
    die(argv[4]);
}
