#include "core/data/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "tests/core/data/tables.h"

static size_t compress_text(const char *text, size_t n, unsigned char *out, size_t room)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)text, .avail_in = (uInt)n};

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&z), Z_OK);
    return room - z.avail_out;
}

/* Reads all, twice: a rewound source gives the same again. */
static enum err inflate_all(const void *bytes, size_t n, uint64_t limit, char *out, size_t room,
                            size_t *got, struct error *e)
{
    struct memory_source m;
    struct trickle t;
    struct gzip *g = NULL;
    enum err err;

    source_memory_init(&m, bytes, n);
    tables_trickle(&t, &m.source, 5, 7);
    assert_int_equal(gzip_open(&t.source, limit, &g, e), ERR_OK);
    err = source_fill(gzip_source(g), out, room, got, e);
    if (err == ERR_OK) {
        size_t again = 0;
        char *copy = malloc(room);

        assert_int_equal(gzip_source(g)->rewind(gzip_source(g)->ctx, e), ERR_OK);
        assert_int_equal(source_fill(gzip_source(g), copy, room, &again, e), ERR_OK);
        assert_int_equal(again, *got);
        assert_memory_equal(copy, out, again);
        free(copy);
    }
    gzip_close(g);
    return err;
}

static void plain_bytes_pass_through(void **state)
{
    char out[64];
    size_t got;
    struct error e = {0};

    (void)state;
    assert_int_equal(inflate_all("a,b\n", 4, 100, out, sizeof out, &got, &e), ERR_OK);
    assert_int_equal(got, 4);
    assert_memory_equal(out, "a,b\n", 4);
    assert_int_equal(inflate_all("", 0, 100, out, sizeof out, &got, &e), ERR_OK);
    assert_int_equal(got, 0);
}

static void members_one_after_another_are_one_stream(void **state)
{
    unsigned char bytes[300] = {0};
    char out[64];
    size_t got, n;
    struct error e = {0};

    (void)state;
    n = compress_text("a,b\n", 4, bytes, sizeof bytes);
    n += compress_text("1,2\n", 4, bytes + n, sizeof bytes - n);
    assert_int_equal(inflate_all(bytes, n, 100, out, sizeof out, &got, &e), ERR_OK);
    assert_int_equal(got, 8);
    assert_memory_equal(out, "a,b\n1,2\n", 8);
    /* padded with zeros */
    assert_int_equal(inflate_all(bytes, n + 20, 100, out, sizeof out, &got, &e), ERR_OK);
    assert_int_equal(got, 8);
    bytes[n] = 'x';
    assert_int_equal(inflate_all(bytes, n + 1, 100, out, sizeof out, &got, &e), ERR_INVALID);
    assert_string_equal(e.message, "there are bytes after the end of the gzip data");
}

static void a_cut_file_is_named_at_every_length(void **state)
{
    unsigned char bytes[300];
    char out[64];
    size_t got, n = compress_text("a,b\n1,2\n", 8, bytes, sizeof bytes);
    struct error e;

    (void)state;
    for (size_t cut = 2; cut < n; cut++) {
        memset(&e, 0, sizeof e);
        assert_int_equal(inflate_all(bytes, cut, 100, out, sizeof out, &got, &e), ERR_INVALID);
        assert_string_equal(e.message, "the gzip data ends early: the file is cut short");
    }
}

static void damage_is_named(void **state)
{
    unsigned char bytes[300];
    char out[64];
    size_t got, n = compress_text("a,b\n1,2\n", 8, bytes, sizeof bytes);
    struct error e = {0};

    (void)state;
    bytes[n - 6] ^= 0x55; /* the checksum */
    assert_int_equal(inflate_all(bytes, n, 100, out, sizeof out, &got, &e), ERR_INVALID);
    assert_string_equal(e.message, "the gzip data is damaged: incorrect data check");
}

static void a_bomb_ends_at_the_limit(void **state)
{
    size_t n = 1 << 20, got;
    char *zeros = calloc(1, n), *out = malloc(n);
    unsigned char bytes[4096];
    size_t packed = compress_text(zeros, n, bytes, sizeof bytes);
    struct error e = {0};

    (void)state;
    assert_int_equal(inflate_all(bytes, packed, 100000, out, n, &got, &e), ERR_LIMIT);
    assert_string_equal(e.message, "the gzip data inflates to more than 100000 bytes");
    free(zeros);
    free(out);
}

/* How many bytes come before the error. */
static size_t count_readable(struct source *inner, uint64_t limit, struct error *e)
{
    struct gzip *g = NULL;
    char out[64];
    size_t got, all = 0;

    assert_int_equal(gzip_open(inner, limit, &g, e), ERR_OK);
    while (gzip_source(g)->read(gzip_source(g)->ctx, out, sizeof out, &got, e) == ERR_OK && got > 0)
        all += got;
    gzip_close(g);
    return all;
}

static void what_comes_before_a_fault_does_not_depend_on_sizes(void **state)
{
    /* Found by libFuzzer: a byte, then a distance code that does not exist. */
    static const unsigned char damaged[] = {0x1f, 0x8b, 8,    0,    0xdc, 0x2f, 0xf7,
                                            0xc4, 0xda, 0x3d, 0xcb, 0xff, 0xff, 0xff,
                                            0,    0xf9, 0xff, 1,    0,    5};
    unsigned char good[300];
    size_t n = compress_text("a,b\n1,2\n3,4\n", 12, good, sizeof good);
    static const char *const faults[] = {"the gzip data is damaged: invalid distance code",
                                         "the gzip data inflates to more than 5 bytes"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct memory_source m;
        struct trickle t;
        struct error whole = {0}, pieces = {0};
        size_t all;

        source_memory_init(&m, i ? good : damaged, i ? n : sizeof damaged);
        all = count_readable(&m.source, 5, &whole);
        source_memory_init(&m, i ? good : damaged, i ? n : sizeof damaged);
        tables_trickle(&t, &m.source, 1, 3);
        assert_int_equal(count_readable(&t.source, 5, &pieces), all);
        assert_string_equal(whole.message, faults[i]);
        assert_string_equal(pieces.message, faults[i]);
        assert_int_equal(all > 0, 1);
    }
}

static void a_table_is_read_from_gzip(void **state)
{
    const char *text = "x,y\n1,a\n2,b\n3,a\n";
    unsigned char bytes[300];
    size_t n = compress_text(text, strlen(text), bytes, sizeof bytes);
    CLEANUP(tables_end) struct table *t = NULL;
    struct table_options o = {0};
    struct memory_source m;
    struct table_file file = {&m.source, "t.csv.gz"};
    struct error e = {0};

    (void)state;
    source_memory_init(&m, bytes, n);
    assert_int_equal(table_read(&file, 1, &o, 1 << 20, &t, &e), ERR_OK);
    assert_int_equal(t->n_rows, 3);
    assert_int_equal(t->n_classes, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_bytes_pass_through),
        cmocka_unit_test(members_one_after_another_are_one_stream),
        cmocka_unit_test(a_cut_file_is_named_at_every_length),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(a_bomb_ends_at_the_limit),
        cmocka_unit_test(what_comes_before_a_fault_does_not_depend_on_sizes),
        cmocka_unit_test(a_table_is_read_from_gzip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
