#include "server/machine.h"

#include <math.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { GROUP_BYTES = 4096 };

/* Reads the first line of a small file of the kernel's; an empty one where there is none. */
static void first_line(const char *path, char *out, size_t capacity)
{
    FILE *f = fopen(path, "re");

    out[0] = '\0';
    if (!f)
        return;
    if (!fgets(out, (int)capacity, f))
        out[0] = '\0';
    (void)fclose(f); /* read-only */
}

/* This process's cgroup (version 2), "/a/b"; empty where there is none. */
static void find_group(char *out, size_t capacity)
{
    char line[GROUP_BYTES];

    first_line("/proc/self/cgroup", line, sizeof line);
    line[strcspn(line, "\n")] = '\0';
    (void)snprintf(out, capacity, "%s", strncmp(line, "0::", 3) == 0 ? line + 3 : "");
}

/* cpu.max holds "QUOTA PERIOD" in microseconds, or "max PERIOD". */
static double read_cores(const char *line)
{
    unsigned long quota, period;

    if (sscanf(line, "%lu %lu", &quota, &period) != 2 || period == 0 || quota == 0)
        return HUGE_VAL;
    return (double)quota / (double)period;
}

/* memory.max holds bytes, or "max". */
static double read_bytes(const char *line)
{
    unsigned long long bytes;

    return sscanf(line, "%llu", &bytes) == 1 ? (double)bytes : HUGE_VAL;
}

static const struct {
    const char *file;
    double (*read)(const char *line);
} limits[] = {
    [MACHINE_CORES] = {"cpu.max", read_cores},
    [MACHINE_BYTES] = {"memory.max", read_bytes},
};

/* What the first n letters of a group's name allow. */
static double read_limit(const char *root, const char *group, size_t n, enum machine_limit which)
{
    char path[GROUP_BYTES + 200], line[64];

    (void)snprintf(path, sizeof path, "%s%.*s/%s", root, (int)n, group, limits[which].file);
    first_line(path, line, sizeof line);
    return limits[which].read(line);
}

double machine_limit(const char *root, const char *group, enum machine_limit which)
{
    double least = HUGE_VAL;
    size_t n = strlen(group);

    for (;;) {
        least = fmin(least, read_limit(root, group, n, which));
        if (n == 0)
            return least;
        while (n > 0 && group[--n] != '/')
            ;
    }
}

static double own_limit(enum machine_limit which)
{
    char group[GROUP_BYTES];

    find_group(group, sizeof group);
    return machine_limit("/sys/fs/cgroup", group, which);
}

unsigned machine_threads(void)
{
    double cores = ceil(own_limit(MACHINE_CORES));
    cpu_set_t set;
    unsigned n = 1;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = (unsigned)CPU_COUNT(&set);
    return cores < n ? (unsigned)cores : n;
}

uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGE_SIZE);
    uint64_t installed = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes
                                                     : UINT64_C(1) << 30;
    double limit = own_limit(MACHINE_BYTES);

    return limit < (double)installed ? (uint64_t)limit : installed;
}
