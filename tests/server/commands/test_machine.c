/* What of the machine a process may use, from a tree of cgroups that stands for the kernel's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/machine.h"

static char root[] = "/tmp/sweepd-cgroup-XXXXXX";

static const char *const groups[] = {"", "/a", "/a/b", "/a/b/c", "/ab"};

static void write_file(const char *group, const char *name, const char *text)
{
    char path[200];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s%s/%s", root, group, name);
    f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int make_tree(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    for (size_t i = 1; i < sizeof groups / sizeof *groups; i++) {
        char path[200];

        (void)snprintf(path, sizeof path, "%s%s", root, groups[i]);
        if (mkdir(path, 0700) != 0)
            return -1;
    }
    return 0;
}

static int remove_tree(void **state)
{
    char command[100];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static double cores(const char *group)
{
    return machine_limit(root, group, MACHINE_CORES);
}

static void the_least_quota_from_a_group_upwards_holds(void **state)
{
    (void)state;
    assert_true(isinf(cores("/a/b/c"))); /* none of them has a file, as the root has none */
    write_file("/a/b/c", "cpu.max", "max 100000\n");
    write_file("/a/b", "cpu.max", "400000 100000\n");
    write_file("/a", "cpu.max", "150000 100000\n");
    write_file("/ab", "cpu.max", "10000 100000\n");
    assert_true(cores("/a/b/c") == 1.5);
    write_file("/a/b/c", "cpu.max", "50000 100000\n");
    assert_true(cores("/a/b/c") == 0.5);
    assert_true(cores("/a/b") == 1.5); /* what is below does not count, nor what is beside */
    assert_true(cores("/ab/gone") == 0.1);
    write_file("", "cpu.max", "25000 100000\n"); /* a container's own is its root's */
    assert_true(cores("/a/b/c") == 0.25);
    assert_true(cores("/") == 0.25);
    assert_true(cores("") == 0.25);
}

static void memory_is_limited_likewise(void **state)
{
    (void)state;
    write_file("/a/b", "memory.max", "max\n");
    write_file("/a", "memory.max", "1073741824\n");
    assert_true(machine_limit(root, "/a/b/c", MACHINE_BYTES) == 1073741824.0);
    assert_true(isinf(machine_limit(root, "/ab", MACHINE_BYTES)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_quota_from_a_group_upwards_holds),
        cmocka_unit_test(memory_is_limited_likewise),
    };

    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
