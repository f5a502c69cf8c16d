/* Forms: whatever the sizes of the chunks they come in, the result is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "server/http/multipart.h"

static const char type[] = "multipart/form-data; boundary=XyZ";

static enum err take(void *ctx, size_t i, const char *bytes, size_t n, struct error *e)
{
    struct buf *files = ctx;

    (void)e;
    assert_true(i < HTTP_MAX_FILES);
    buf_append(&files[i], bytes, n);
    return ERR_OK;
}

static void write_files(const struct multipart *m, const struct buf *files, struct buf *out)
{
    for (size_t i = 0; i < multipart_n_files(m); i++) {
        const char *name = multipart_file_name(m, i);

        buf_printf(out, "%sfile %s:", i > 0 ? ";" : "", name ? name : "-");
        buf_append(out, files[i].data, files[i].length);
    }
}

/* Feeds the form in chunks of 1 to `most` bytes; writes what came out of it, or "refused: …". */
static void parse(const char *content_type, const char *form, size_t n, size_t most, unsigned *seed,
                  struct buf *out)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct buf files[HTTP_MAX_FILES] = {0};
    struct multipart *m = NULL;
    struct error e = {0};
    enum err err;

    assert_int_equal(arena_create(1000, &a, NULL), ERR_OK);
    err = multipart_create(a, content_type, take, files, &m, &e);
    for (size_t i = 0; err == ERR_OK && i < n;) {
        size_t chunk = 1 + (size_t)rand_r(seed) % most;

        if (chunk > n - i)
            chunk = n - i;
        err = multipart_feed(m, form + i, chunk, &e);
        i += chunk;
    }
    if (err == ERR_OK)
        err = multipart_end(m, &e);
    if (err != ERR_OK)
        buf_printf(out, "refused: %s", e.message);
    else {
        for (size_t i = 0; i < multipart_n_fields(m); i++)
            buf_printf(out, "%s=%s;", multipart_fields(m)[i].name, multipart_fields(m)[i].value);
        write_files(m, files, out);
    }
    multipart_destroy(m);
    for (size_t i = 0; i < HTTP_MAX_FILES; i++)
        buf_finish(&files[i]);
}

static void expect(const char *content_type, const char *form, const char *wanted)
{
    unsigned seed = 1;

    for (size_t most = 1; most < 200; most += 13) {
        CLEANUP(buf_finish) struct buf out = {0};

        parse(content_type, form, strlen(form), most, &seed, &out);
        if (strcmp(buf_text(&out), wanted) != 0)
            fail_msg("%s\nexpected %s\ngot %s", form, wanted, buf_text(&out));
    }
}

#define FIELD(name, value)                                                                         \
    "--XyZ\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_PART(more, value)                                                                     \
    "--XyZ\r\nContent-Disposition: form-data; name=\"f\"; " more                                   \
    "\r\nContent-Type: text/csv\r\n\r\n" value "\r\n"
#define END "--XyZ--\r\n"

static void fields_and_file_come_in_any_order(void **state)
{
    (void)state;
    expect(type,
           FIELD("target", "species") FILE_PART("filename=\"iris.csv\"", "a,b\r\n1,2\r\n") END,
           "target=species;file iris.csv:a,b\r\n1,2\r\n");
    expect(type, FILE_PART("filename=\"iris.csv\"", "a,b") FIELD("target", "species") END,
           "target=species;file iris.csv:a,b");
    expect(type, FIELD("a", "1") FIELD("a", "2") FIELD("d", "\t") END, "a=1;a=2;d=\t;");
    expect(type, END, "");
}

static void a_part_named_file_is_the_file(void **state)
{
    (void)state;
    expect(type, FIELD("file", "a,b") END, "file -:a,b");
    expect(type, FILE_PART("filename=\"\"", "") END, "file -:");
}

static void several_files_stay_apart_and_in_order(void **state)
{
    (void)state;
    expect(type,
           FILE_PART("filename=a", "1\r\n") FIELD("file", "") FIELD("x", "2")
               FILE_PART("filename=\"\"", "3") FILE_PART("filename=a", "45") END,
           "x=2;file a:1\r\n;file -:;file -:3;file a:45");
    expect(type,
           FILE_PART("filename=a", "") FIELD("file", "") FIELD("file", "")
               FILE_PART("filename=a", "") FILE_PART("filename=b", "") END,
           "refused: a form carries at most 4 files; the field \"f\" is one more");
}

static void file_names_lose_folders_and_escapes(void **state)
{
    (void)state;
    expect(type, FILE_PART("filename=\"C:\\tmp\\a.csv\"", "") END, "file a.csv:");
    expect(type, FILE_PART("filename=\"../../etc/x\"", "") END, "file x:");
    expect(type, FILE_PART("filename=\"a \\\"b\\\";c.csv\"", "") END, "file a \"b\";c.csv:");
    expect(type, FILE_PART("filename=\"a%22b\"", "") END, "file a\"b:");
    expect(type, FILE_PART("filename=plain.csv", "") END, "file plain.csv:");
}

static void what_looks_like_a_boundary_is_data(void **state)
{
    (void)state;
    expect(type, FILE_PART("filename=x", "\r\n--Xy\r\n--\r\n\r\r\n--XyA\r\n-") END,
           "file x:\r\n--Xy\r\n--\r\n\r\r\n--XyA\r\n-");
    expect(type, FILE_PART("filename=x", "--XyZ in a line") END, "file x:--XyZ in a line");
}

static void preamble_epilogue_and_padding_are_ignored(void **state)
{
    (void)state;
    expect(type, "hello\r\n" FIELD("a", "1") END "bye\r\n--XyZ\r\n", "a=1;");
    expect(type,
           "--XyZ \t\r\ncontent-disposition:form-data;name=a\r\nX-Other: 1\r\n\r\n1\r\n--XyZ--",
           "a=1;");
    expect("multipart/form-data; charset=utf-8; boundary=\"XyZ\"", FIELD("a", "1") END, "a=1;");
}

static void faults_are_told(void **state)
{
    (void)state;
    expect("multipart/form-data", "", "refused: the form's Content-Type tells no boundary");
    expect("multipart/form-data; boundary=\"\"", "",
           "refused: the form's Content-Type tells no boundary");
    expect(type, FIELD("a", "1"), "refused: the form ends before its last boundary");
    expect(type, "", "refused: the form ends before its last boundary");
    expect(type, "--XyZ\r\n\r\n1\r\n" END, "refused: a part of the form has no name");
    expect(type, "--XyZ\r\nbad\r\n\r\n1\r\n" END,
           "refused: a part of the form has a header without a colon");
    expect(type, "--XyZ\nbad\r\n\r\n1\r\n" END,
           "refused: the form has a line that does not end in CR LF");
    expect(type, "--XyZq\r\n", "refused: the form has text behind a boundary");
    expect(type, FIELD("a", "\xff") END,
           "refused: the form's field \"a\" has control characters or is not UTF-8");
    expect(type, "--XyZ\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n" END,
           "refused: a part of the form is not form-data");
    expect(type,
           "--XyZ\r\nContent-Disposition: form-data; name=a\r\n"
           "Content-Transfer-Encoding: base64\r\n\r\n1\r\n" END,
           "refused: a part of the form is encoded as base64; send it as it is");
}

static void fields_are_limited_in_size_and_number(void **state)
{
    CLEANUP(buf_finish) struct buf form = {0}, out = {0};
    unsigned seed = 3;

    (void)state;
    for (int i = 0; i <= MULTIPART_MAX_FIELDS; i++)
        buf_puts(&form, FIELD("a", "1"));
    parse(type, form.data, form.length, 1000, &seed, &out);
    assert_string_equal(out.data, "refused: the form has more than 64 fields");
    buf_clear(&form);
    buf_clear(&out);
    buf_puts(&form, "--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\n");
    for (int i = 0; i <= MULTIPART_MAX_FIELD_BYTES; i++)
        buf_putc(&form, 'x');
    parse(type, form.data, form.length, 1000, &seed, &out);
    assert_string_equal(out.data, "refused: the form's field \"a\" is larger than 65536 bytes");
}

/* Random files of the bytes that boundaries are made of, in random chunks. */
static void a_file_comes_out_as_it_went_in(void **state)
{
    unsigned seed = 7;

    (void)state;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 500; round++) {
        CLEANUP(buf_finish) struct buf form = {0}, out = {0}, wanted = {0}, file = {0};
        int n = rand_r(&seed) % 60;

        for (int i = 0; i < n; i++)
            buf_putc(&file, "\r\n-XyZ\0a"[rand_r(&seed) % 8]);
        buf_putc(&file, '!');
        for (size_t i = 0; i + 6 < file.length; i++) /* no real boundary inside */
            if (memcmp(file.data + i, "\r\n--XyZ", 7) == 0)
                file.data[i] = '?';
        buf_puts(&form, FIELD("a", "1") "--XyZ\r\nContent-Disposition: form-data; name=f; "
                                        "filename=g\r\n\r\n");
        buf_append(&form, file.data, file.length);
        buf_puts(&form, "\r\n" END);
        buf_puts(&wanted, "a=1;file g:");
        buf_append(&wanted, file.data, file.length);
        parse(type, form.data, form.length, 1 + (size_t)rand_r(&seed) % 40, &seed, &out);
        assert_int_equal(out.length, wanted.length);
        assert_memory_equal(out.data, wanted.data, wanted.length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_and_file_come_in_any_order),
        cmocka_unit_test(a_part_named_file_is_the_file),
        cmocka_unit_test(several_files_stay_apart_and_in_order),
        cmocka_unit_test(file_names_lose_folders_and_escapes),
        cmocka_unit_test(what_looks_like_a_boundary_is_data),
        cmocka_unit_test(preamble_epilogue_and_padding_are_ignored),
        cmocka_unit_test(faults_are_told),
        cmocka_unit_test(fields_are_limited_in_size_and_number),
        cmocka_unit_test(a_file_comes_out_as_it_went_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
