/*
 * A script that writes down when it began, what it was told and when the daemon was, a line for each run, into /run/told; and, where
 * /run/contract is there, all that it has from whoever started it into that file.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const char *value(const char *name) {
  const char *found = getenv(name);
  return found == NULL ? "" : found;
}

static void told(const struct timespec *at) {
  const char *reason = value("CMAN_NOTIFICATION");
  char line[4096];
  int length = snprintf(line, sizeof line, "%lld.%06ld|%s %s|%s|%s|%s|%s|%s|%s\n", (long long)at->tv_sec,
                        at->tv_nsec / 1000, strncmp(reason, "CMAN_REASON_", 12) == 0 ? reason + 12 : reason,
                        value("CMAN_NOTIFICATION_QUORUM"), value("CMAN_NOTIFICATION_MEMBERS"),
                        value("CMAN_NOTIFICATION_JOINED"), value("CMAN_NOTIFICATION_LEFT"),
                        value("CMAN_NOTIFICATION_INITIAL"), value("CMAN_NOTIFICATION_SEQ"),
                        value("CMAN_NOTIFICATION_TIMESTAMP"));
  int fd = open("/run/told", O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (fd < 0 || write(fd, line, length) != length) abort();
  close(fd);
}

/* Lines of /proc/self/status that say what a process may do. */
static void status(FILE *out) {
  FILE *in = fopen("/proc/self/status", "r");
  char line[256];
  while (in != NULL && fgets(line, sizeof line, in) != NULL) {
    if (strncmp(line, "Cap", 3) == 0 || strncmp(line, "NoNewPrivs", 10) == 0 || strncmp(line, "Seccomp:", 8) == 0 ||
        strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0)
      fputs(line, out);
  }
}

static void contract(int argc, char **argv) {
  int fd = open("/run/contract", O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return;
  FILE *out = fdopen(fd, "w");
  char path[4096];
  for (int i = 0; i < argc; i++) fprintf(out, "argv %s\n", argv[i]);
  for (char **one = environ; *one != NULL; one++) fprintf(out, "environment %s\n", *one);
  fprintf(out, "directory %s\n", getcwd(path, sizeof path));
  DIR *fds = opendir("/proc/self/fd");
  for (struct dirent *entry; (entry = readdir(fds)) != NULL;) {
    ssize_t length = readlinkat(dirfd(fds), entry->d_name, path, sizeof path - 1);
    int number = atoi(entry->d_name);
    if (length > 0 && number != fd && number != dirfd(fds)) fprintf(out, "descriptor %d %.*s\n", number, (int)length, path);
  }
  fprintf(out, "policy %d\n", sched_getscheduler(0));
  FILE *score = fopen("/proc/self/oom_score_adj", "r");
  if (score != NULL && fgets(path, sizeof path, score) != NULL) fprintf(out, "oom_score_adj %s", path);
  fprintf(out, "leads a session %d\n", getsid(0) == getpid());
  status(out);
  fclose(out);
}

int main(int argc, char **argv) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  told(&at);
  contract(argc, argv);
  return 3;
}
