/*
 * How long it takes to start a program: N times, with pauses as between events, from before posix_spawn to the first instruction of main,
 * in milliseconds, a line each. The program that is started is this one, without an argument.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* The child's word: when it began. */
static struct timespec started(const char *path) {
  int ends[2];
  pid_t child;
  struct timespec at;
  posix_spawn_file_actions_t actions;
  char *argv[] = {(char *)path, NULL};
  if (pipe(ends) != 0) die("pipe");
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  if (posix_spawn(&child, path, &actions, NULL, argv, environ) != 0) die("posix_spawn");
  posix_spawn_file_actions_destroy(&actions);
  if (read(ends[0], &at, sizeof at) != sizeof at) die("read");
  if (waitpid(child, NULL, 0) != child) die("waitpid");
  close(ends[0]);
  close(ends[1]);
  return at;
}

int main(int argc, char **argv) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (argc < 2) return write(1, &now, sizeof now) != sizeof now;
  for (int i = atoi(argv[1]); i > 0; i--) {
    usleep(20000);
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct timespec at = started("/proc/self/exe");
    printf("%.3f\n", (at.tv_sec - now.tv_sec) * 1e3 + (at.tv_nsec - now.tv_nsec) / 1e6);
  }
  return 0;
}
