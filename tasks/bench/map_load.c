/*
 * Files that grow, and how long it takes until their map of regions has followed.
 *
 *     map_load make FILE EXTENTS        writes a file of so many extents, a block of 4 KiB each with a gap behind it
 *     map_load wait FILE                until the regions of its device are the file's extents
 *     map_load append FILE COUNT BYTES GAP PAUSE_MS
 *                                       writes and syncs, COUNT times, GAP bytes behind the end, with a pause of 0 to
 *                                       PAUSE_MS before each; prints for each the milliseconds until the map has followed,
 *                                       from the write's start and from fsync's return
 *     map_load burst FILE COUNT BYTES   the same without looking at the map or pausing; prints the milliseconds of it all
 *     map_load find PROGRAM             prints the ids of the processes that run the program
 *     map_load used PID                 prints a process's CPU time, µs, and its context switches so far
 *
 * "Followed" is what a reader sees: the regions that one @stats_list shows cover exactly the file's extents, and the group's
 * descriptor names every one of them. The control node stays open, since closing it is an event for whoever watches it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, SPANS_MAX = 32768, ANSWER_BYTES = 4 << 20, BATCH = 512, LIMIT_S = 60, POLL_US = 500, REST_FACTOR = 2 };

/* Regions past the end of any device count nothing. */
static const unsigned long long FAR_SECTORS = 1ULL << 40;

struct span {
    unsigned long long start, end;
};

struct map {
    struct span spans[SPANS_MAX];
    int count;
};

static struct map wanted, seen;
static char *message;
static int control = -1;

static void die(const char *what) {
    fprintf(stderr, "map_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static int by_start(const void *a, const void *b) {
    const struct span *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* Sorts, and joins what touches or overlaps, so that only the covered sectors matter. */
static void normalize(struct map *map) {
    int kept = 0;
    qsort(map->spans, map->count, sizeof(struct span), by_start);
    for (int i = 0; i < map->count; i++) {
        struct span *last = kept > 0 ? &map->spans[kept - 1] : NULL;
        if (last != NULL && map->spans[i].start <= last->end) {
            if (map->spans[i].end > last->end) last->end = map->spans[i].end;
        } else map->spans[kept++] = map->spans[i];
    }
    map->count = kept;
}

static void add(struct map *map, unsigned long long start, unsigned long long length) {
    if (map->count == SPANS_MAX) errno = E2BIG, die("map");
    map->spans[map->count++] = (struct span){ start, start + length };
}

static void read_extents(int fd) {
    static char buffer[sizeof(struct fiemap) + BATCH * sizeof(struct fiemap_extent)];
    struct fiemap *fiemap = (struct fiemap *)buffer;
    unsigned long long from = 0;
    int more = 1;
    wanted.count = 0;
    while (more) {
        memset(fiemap, 0, sizeof *fiemap);
        fiemap->fm_start = from;
        fiemap->fm_length = FIEMAP_MAX_OFFSET - from;
        fiemap->fm_extent_count = BATCH;
        if (ioctl(fd, FS_IOC_FIEMAP, fiemap) < 0) die("FIEMAP");
        more = fiemap->fm_mapped_extents > 0;
        for (unsigned i = 0; i < fiemap->fm_mapped_extents; i++) {
            struct fiemap_extent *extent = &fiemap->fm_extents[i];
            if (!(extent->fe_flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC)))
                add(&wanted, extent->fe_physical >> 9, extent->fe_length >> 9);
            from = extent->fe_logical + extent->fe_length;
            if (extent->fe_flags & FIEMAP_EXTENT_LAST) more = 0;
        }
    }
    normalize(&wanted);
}

/* Sends a message to the device; the answer, valid until the next. */
static const char *ask(dev_t device, const char *text) {
    struct dm_ioctl *head = (struct dm_ioctl *)message;
    memset(head, 0, sizeof *head);
    head->version[0] = 4;
    head->data_size = ANSWER_BYTES;
    head->data_start = sizeof *head;
    head->dev = ((unsigned long long)major(device) << 8) | (minor(device) & 0xff) | ((unsigned long long)(minor(device) & ~0xffU) << 12);
    struct dm_target_msg *target = (struct dm_target_msg *)(message + sizeof *head);
    target->sector = 0;
    strcpy(target->message, text);
    if (ioctl(control, DM_TARGET_MSG, head) < 0) die(text);
    return head->flags & DM_DATA_OUT_FLAG ? message + head->data_start : "";
}

/* How many ids a list such as "0-3,7#…" has. */
static int ids_in(const char *list) {
    int count = 0;
    for (;;) {
        char *end;
        long first = strtol(list, &end, 10), last = first;
        if (*end == '-') last = strtol(end + 1, &end, 10);
        count += last - first + 1;
        if (*end != ',') return count;
        list = end + 1;
    }
}

/* The covered sectors; whether one descriptor names every region. */
static int read_regions(dev_t device) {
    const char *line = ask(device, "@stats_list");
    int rows = 0, named = 0;
    seen.count = 0;
    while (*line != 0) {
        unsigned long long start, length;
        const char *end = strchrnul(line, '\n'), *tag = strstr(line, "DMS_GROUP=");
        if (sscanf(line, "%*d: %llu+%llu", &start, &length) == 2) {
            rows++;
            if (start < FAR_SECTORS) add(&seen, start, length);
        }
        if (tag != NULL && tag < end) named = ids_in(strchr(tag, ':') + 1);
        line = *end == 0 ? end : end + 1;
    }
    normalize(&seen);
    return rows == named;
}

static int has_followed(dev_t device) {
    return read_regions(device) && wanted.count == seen.count &&
           memcmp(wanted.spans, seen.spans, wanted.count * sizeof(struct span)) == 0;
}

static int open_file(const char *path, int flags, dev_t *device) {
    struct stat status;
    int fd = open(path, flags | O_CLOEXEC, 0644);
    if (fd < 0 || fstat(fd, &status) < 0) die(path);
    *device = status.st_dev;
    return fd;
}

/* When the map has followed. While the kernel lists regions it makes none (drivers/md/dm-stats.c, mutex), so it is given rest. */
static double follow(int fd, dev_t device) {
    double limit = now_ms() + LIMIT_S * 1e3;
    read_extents(fd);
    for (;;) {
        double began = now_ms();
        int followed = has_followed(device);
        double now = now_ms(), rest_us = REST_FACTOR * (now - began) * 1e3;
        if (followed) return now;
        if (now > limit) errno = ETIMEDOUT, die("the map does not follow");
        usleep(rest_us > POLL_US ? rest_us : POLL_US);
    }
}

/* Every other block of a file is given back, so that no two extents touch on the device either. */
static void make(const char *path, long extents) {
    dev_t device;
    int fd = open_file(path, O_RDWR | O_CREAT | O_TRUNC, &device);
    if (fallocate(fd, 0, 0, (2 * extents - 1) * BLOCK) < 0) die("fallocate");
    for (long i = 0; i + 1 < extents; i++)
        if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (2 * i + 1) * BLOCK, BLOCK) < 0) die("punch");
    if (fsync(fd) < 0) die("fsync");
    read_extents(fd);
    printf("%d\n", wanted.count);
}

static void append_one(int fd, const char *data, long bytes, long gap) {
    if (lseek(fd, gap, SEEK_END) < 0) die("lseek");
    if (write(fd, data, bytes) != bytes) die("write");
    if (fsync(fd) < 0) die("fsync");
}

static void append(const char *path, int count, long bytes, long gap, int pause_ms) {
    dev_t device;
    int fd = open_file(path, O_RDWR, &device);
    char *data = calloc(1, bytes);
    srandom(1);
    for (int i = 0; i < count; i++) {
        if (pause_ms > 0) usleep(random() % (pause_ms * 1000L));
        double began = now_ms();
        append_one(fd, data, bytes, gap);
        double synced = now_ms(), followed = follow(fd, device);
        printf("%.2f %.2f\n", followed - began, followed - synced);
    }
}

static void burst(const char *path, int count, long bytes) {
    dev_t device;
    int fd = open_file(path, O_RDWR, &device);
    char *data = calloc(1, bytes);
    double began = now_ms();
    for (int i = 0; i < count; i++) append_one(fd, data, bytes, 0);
    printf("%.0f\n", follow(fd, device) - began);
}

static void find(const char *program) {
    char path[300], target[4096];
    DIR *processes = opendir("/proc");
    for (struct dirent *process = readdir(processes); process != NULL; process = readdir(processes)) {
        snprintf(path, sizeof path, "/proc/%.20s/exe", process->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0) continue;
        target[length] = 0;
        if (strcmp(target, program) == 0) printf("%s ", process->d_name);
    }
    closedir(processes);
}

/* The number behind a word of a file in /proc/PID/task/TID, summed over the threads. */
static unsigned long long sum_of(const char *pid, const char *name, const char *word) {
    char path[300], line[300];
    unsigned long long sum = 0;
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL) die(path);
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        if (task->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%s/task/%.20s/%s", pid, task->d_name, name);
        FILE *file = fopen(path, "r");
        while (file != NULL && fgets(line, sizeof line, file) != NULL)
            if (strncmp(line, word, strlen(word)) == 0) sum += strtoull(line + strlen(word), NULL, 10);
        if (file != NULL) fclose(file);
    }
    closedir(tasks);
    return sum;
}

/* schedstat: nanoseconds on a processor, first number (Documentation/scheduler/sched-stats.rst). */
static void used(const char *pid) {
    unsigned long long switches = sum_of(pid, "status", "voluntary_ctxt_switches:") +
                                  sum_of(pid, "status", "nonvoluntary_ctxt_switches:");
    printf("%llu %llu\n", sum_of(pid, "schedstat", "") / 1000, switches);
}

int main(int argc, char **argv) {
    const char *command = argc > 2 ? argv[1] : "";
    char **args = argv + 2;
    int count = argc - 2;
    dev_t device;
    if (strcmp(command, "used") == 0 && count == 1) return used(args[0]), 0;
    if (strcmp(command, "find") == 0 && count == 1) return find(args[0]), 0;
    if (strcmp(command, "make") == 0 && count == 2) return make(args[0], atol(args[1])), 0;
    message = calloc(1, ANSWER_BYTES);
    control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
    if (control < 0) die("/dev/mapper/control");
    if (strcmp(command, "wait") == 0 && count == 1) {
        int fd = open_file(args[0], O_RDONLY, &device);
        follow(fd, device);
    } else if (strcmp(command, "append") == 0 && count == 5) {
        append(args[0], atoi(args[1]), atol(args[2]), atol(args[3]), atoi(args[4]));
    } else if (strcmp(command, "burst") == 0 && count == 3) {
        burst(args[0], atoi(args[1]), atol(args[2]));
    } else return fputs("map_load: make, wait, append, burst, find or used\n", stderr), 2;
    return 0;
}
