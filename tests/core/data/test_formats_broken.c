/* Every kind of broken file of each format, with its whole sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "tests/core/data/tables.h"

/* A text literal's bytes, NULs too. */
#define BYTES(text) text, sizeof(text) - 1

/* Reads one file; NULL for no options. */
static enum err try_bytes(const void *bytes, size_t n, const char *name,
                          const struct table_options *o, uint64_t max_bytes, struct error *e)
{
    struct table_options none = {0};
    struct memory_source m;
    struct table_file file = {&m.source, name};
    struct table *t = NULL;
    enum err err;

    source_memory_init(&m, bytes, n);
    err = table_read(&file, 1, o ? o : &none, max_bytes, &t, e);
    table_destroy(t);
    return err;
}

static void check_fault(const void *bytes, size_t n, const char *name,
                        const struct table_options *o, enum err code, const char *message)
{
    struct error e = {0};
    enum err err = try_bytes(bytes, n, name, o, 1 << 20, &e);

    assert_string_equal(e.message, message);
    assert_int_equal(err, code);
}

/* ---- npy --------------------------------------------------------------------------------------
 */

static void put_npy(struct buf *out, const char *header, const void *bytes, size_t n)
{
    size_t length = strlen(header);

    buf_append(out, "\x93NUMPY\1\0", 8);
    buf_putc(out, (char)(length & 0xff));
    buf_putc(out, (char)(length >> 8));
    buf_puts(out, header);
    buf_append(out, bytes, n);
}

static const struct broken_npy {
    const char *header, *bytes;
    size_t n;
    enum err code;
    const char *message;
} npy_files[] = {
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", BYTES("abcdefghijk"),
     ERR_INVALID,
     "the array: cut short: 3 rows of 8 bytes are announced, it ends 3 bytes into row 2"},
    {"{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }", BYTES("abcdefghijk"),
     ERR_INVALID, "the array: cut short: 24 bytes are announced, 11 are there"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }", BYTES("abcde"), ERR_INVALID,
     "the array: there are bytes after the last of the 2 announced rows"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (), }", BYTES("a"), ERR_INVALID,
     "the array: a single value; expected rows of them"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (0, 3), }", BYTES(""), ERR_INVALID,
     "the file has no rows"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (3, 0), }", BYTES(""), ERR_INVALID,
     "the array: its rows are empty"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 400, 500), }", BYTES(""), ERR_INVALID,
     "the array: there are more than 100000 columns"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 3), }", BYTES(""),
     ERR_LIMIT, "the array: the table has more than 4294967293 rows"},
    {"{'descr': '<f8', 'fortran_order': True, 'shape': (4000000000, 90000), }", BYTES(""),
     ERR_LIMIT, "the array: stored column by column, it needs more than 1048576 bytes of memory"},
    {"{'descr': '<U90000', 'fortran_order': False, 'shape': (2, 9), }", BYTES(""), ERR_LIMIT,
     "the array: a row needs more than 1048576 bytes of memory"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }",
     BYTES("\0\0\0\0\1\0\0\0\0\0\0\0\0\0\x80\x7f\0\0\0\0\3\0\0\0"), ERR_INVALID,
     "row 2, column 2 \"column_2\": expected a finite number, got \"inf\""},
    {"{'descr': '<U2', 'fortran_order': False, 'shape': (1, 2), }",
     BYTES("a\0\0\0b\0\0\0a\0\0\0\0\xd8\0\0"), ERR_INVALID,
     "the array: row 1, column 2: the text is not Unicode"},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", BYTES(""), ERR_INVALID,
     "elements of type \"|O\" are not read; expected booleans, integers, floats of at most 8 "
     "bytes, or texts"},
    {"{'descr': '<c16', 'fortran_order': False, 'shape': (2,), }", BYTES(""), ERR_INVALID,
     "elements of type \"<c16\" are not read; expected booleans, integers, floats of at most 8 "
     "bytes, or texts"},
    {"{'descr': '|S0', 'fortran_order': False, 'shape': (2,2), }", BYTES(""), ERR_INVALID,
     "the array: its elements have no bytes"},
    {"{'descr': [('a', '<f4', (2,))], 'fortran_order': False, 'shape': (2,), }", BYTES(""),
     ERR_INVALID, "field \"a\" is an array; expected one value"},
    {"{'descr': [('a', [('b', '<f4')])], 'fortran_order': False, 'shape': (2,), }", BYTES(""),
     ERR_INVALID, "field \"a\" has fields itself; expected one value"},
    {"{'descr': [('a', 'u1'), ('b', 'u1')], 'fortran_order': False, 'shape': (2, 2), }", BYTES(""),
     ERR_INVALID, "the array: records with named fields in rows of 2; expected one"},
    {"{'descr': [('a', 'u1'), ('a', 'u1')], 'fortran_order': False, 'shape': (2,), }",
     BYTES("abcd"), ERR_INVALID, "header: columns 1 and 2 have the same name \"a\""},
    {"{'descr': '<f4', 'shape': (3, 2), }", BYTES(""), ERR_INVALID,
     "the header lacks descr, fortran_order or shape"},
    {"{'descr': '<f4', 'fortran_order': None, 'shape': (3, 2), }", BYTES(""), ERR_INVALID,
     "the header, character 35: expected True or False"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, -2), }", BYTES(""), ERR_INVALID,
     "the header, character 55: expected a number"},
    {"{'descr': '<f4", BYTES(""), ERR_INVALID,
     "the header, character 15: expected the end of a text in quotes"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, 2), }", BYTES(""), ERR_INVALID,
     "target: the file has arrays of 2 dimensions and no labels; expected a column's name, or "
     "labels beside them"},
};

static void broken_npy_files_are_refused_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof npy_files / sizeof *npy_files; i++) {
        const struct broken_npy *b = &npy_files[i];
        CLEANUP(buf_finish) struct buf file = {0};

        put_npy(&file, b->header, b->bytes, b->n);
        check_fault(file.data, file.length, NULL, NULL, b->code, b->message);
    }
}

/* ---- npz --------------------------------------------------------------------------------------
 */

static void put_number(struct buf *out, uint64_t x, size_t n)
{
    for (size_t k = 0; k < n; k++)
        buf_putc(out, (char)(k < 8 ? x >> (8 * k) & 0xff : 0));
}

/* What the two headers of a member have in common. */
static void put_member_fields(struct buf *out, unsigned method, const struct buf *bytes)
{
    put_number(out, 20, 2);
    put_number(out, 0, 2);
    put_number(out, method, 2);
    put_number(out, 0, 4);
    put_number(out, crc32(0, (const unsigned char *)bytes->data, (uInt)bytes->length), 4);
    put_number(out, bytes->length, 4);
    put_number(out, bytes->length, 4);
}

/* A ZIP archive of arrays of bytes, one value in a row; names separated by blanks. */
static void put_npz(struct buf *out, const char *names, const char *const *values, unsigned method)
{
    CLEANUP(buf_finish) struct buf directory = {0};
    size_t n_members = 0, at;

    for (; *names; n_members++) {
        size_t n = strcspn(names, " "), offset = out->length;
        CLEANUP(buf_finish) struct buf member = {0}, header = {0};

        buf_printf(&header, "{'descr': '|u1', 'fortran_order': False, 'shape': (%zu,), }",
                   strlen(values[n_members]));
        put_npy(&member, header.data, values[n_members], strlen(values[n_members]));
        buf_append(out, "PK\3\4", 4);
        put_member_fields(out, method, &member);
        put_number(out, n, 2);
        put_number(out, 0, 2);
        buf_append(out, names, n);
        buf_append(out, member.data, member.length);
        buf_append(&directory, "PK\1\2\24\0", 6);
        put_member_fields(&directory, method, &member);
        put_number(&directory, n, 2);
        put_number(&directory, 0, 12);
        put_number(&directory, offset, 4);
        buf_append(&directory, names, n);
        names += n + (names[n] == ' ');
    }
    at = out->length;
    buf_append(out, directory.data, directory.length);
    buf_append(out, "PK\5\6\0\0\0\0", 8);
    put_number(out, n_members, 2);
    put_number(out, n_members, 2);
    put_number(out, directory.length, 4);
    put_number(out, at, 4);
    put_number(out, 0, 2);
}

/* An archive of arrays, then one byte of it changed: `back` from its end, or none. */
static const struct broken_npz {
    const char *names, *values[4];
    unsigned method;
    size_t back; /* 1 is the last byte; 0: none */
    const char *message;
} npz_files[] = {
    {"a.npy b.npy",
     {"12", "12"},
     0,
     0,
     "the archive has a, b; expected arrays named X and y, data and target, features and labels, "
     "or X_train, y_train, X_test and y_test"},
    {"readme.txt",
     {"12"},
     0,
     0,
     "the archive has readme.txt; expected arrays named X and y, data and target, features and "
     "labels, or X_train, y_train, X_test and y_test"},
    {"X.npy y.npy",
     {"123", "12"},
     0,
     0,
     "array \"X\" has 3 rows, array \"y\" has 2; expected as many"},
    {"X_train.npy y_train.npy X_test.npy y_test.npy",
     {"12", "12", "12", "1"},
     0,
     0,
     "array \"X_test\" has 2 rows, array \"y_test\" has 1; expected as many"},
    {"X.npy y.npy",
     {"12", "12"},
     12,
     0,
     "member \"X.npy\" of the archive is compressed by method 12; expected stored (0) or deflated "
     "(8)"},
    {"X.npy y.npy",
     {"12", "12"},
     8,
     0,
     "array \"X\": member \"X.npy\" of the archive is damaged: its data ends early"},
    {"X.npy y.npy",
     {"12", "12"},
     0,
     1,
     "the archive has no directory at its end: it is cut short or no ZIP file"},
    {"X.npy y.npy", {"12", "12"}, 0, 3, "the archive's directory is damaged"},
    {"X.npy y.npy", {"12", "12"}, 0, 10, "the archive's directory is damaged"},
    {"X.npy y.npy",
     {"12", "12"},
     0,
     22 + 9,
     "member \"y.npy\" of the archive is damaged: it is not where the directory says"},
    {"X.npy y.npy",
     {"12", "12"},
     0,
     22 + 102 + 1,
     "array \"y\": member \"y.npy\" of the archive is damaged: its check sum is wrong"},
    {"y.npy", {"1"}, 0, 0, "the table has 1 row; expected at least 2"},
};

static void broken_npz_files_are_refused_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof npz_files / sizeof *npz_files; i++) {
        const struct broken_npz *b = &npz_files[i];
        CLEANUP(buf_finish) struct buf file = {0};

        put_npz(&file, b->names, b->values, b->method);
        if (b->back > 0)
            file.data[file.length - b->back] ^= 0x40;
        check_fault(file.data, file.length, "x.npz", NULL, ERR_INVALID, b->message);
    }
}

static void an_archive_beyond_the_memory_limit_is_refused(void **state)
{
    static const char *const values[] = {"12", "12"};
    CLEANUP(buf_finish) struct buf file = {0};
    struct error e = {0};

    (void)state;
    put_npz(&file, "X.npy y.npy", values, 0);
    assert_int_equal(try_bytes(file.data, file.length, "x.npz", NULL, 100, &e), ERR_LIMIT);
    assert_string_equal(e.message, "the archive has more than 100 bytes");
}

/* ---- the others -------------------------------------------------------------------------------
 */

static const struct broken {
    const char *bytes;
    size_t n;
    const char *message;
} idx_files[] = {
    {BYTES("\0\0\10\2\0\0"), "the file ends within the IDX header"},
    {BYTES("\0\0\7\2\0\0\0\0"), "IDX type 0x07; expected 0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e"},
    {BYTES("\0\0\10\0\0\0\0\0"), "0 dimensions; expected 1 to 32"},
    {BYTES("a,b\n1,2\n"), "the file does not begin as an IDX file does"},
    {BYTES(""), "the file does not begin as an IDX file does"},
    {BYTES("\0\0\10\2\0\0\0\2\0\0\0\2abc"),
     "cut short: 2 rows of 2 bytes are announced, it ends 1 bytes into row 2"},
    {BYTES("\0\0\10\2\0\0\0\2\0\0\0\2abcde"),
     "there are bytes after the last of the 2 announced rows"},
    {BYTES("\0\0\10\2\0\0\0\2\0\1\206\241"), "there are more than 100000 columns"},
    {BYTES("\0\0\10\2\0\0\0\0\0\0\0\2"), "the file has no rows"},
    {BYTES("\0\0\10\1\0\0\0\2\0\1"),
     "the file has labels alone (one dimension); expected the images too, as another file of the "
     "upload"},
    {BYTES("\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\2abcd"),
     "target: the file has arrays of 2 dimensions and no labels; expected a column's name, or "
     "labels beside them"},
    {BYTES("\0\0\15\2\0\0\0\2\0\0\0\2\0\0\0\0\77\200\0\0\177\200\0\0\0\0\0\0"),
     "row 2, column 1 \"p0\": expected a finite number, got \"inf\""},
};

static void broken_idx_files_are_refused_in_words(void **state)
{
    struct table_options o = {.format = "idx"};

    (void)state;
    for (size_t i = 0; i < sizeof idx_files / sizeof *idx_files; i++)
        check_fault(idx_files[i].bytes, idx_files[i].n, NULL, &o, ERR_INVALID,
                    idx_files[i].message);
}

#define ARFF "@relation r\n@attribute a numeric\n@attribute 'b c' {x,'y z'}\n@attribute s string\n"

static const struct broken arff_files[] = {
    {BYTES("@relation r\n@attribute a numeric\n"), "the file has no @data line"},
    {BYTES("@relation r\n@data\n1\n"), "no @attribute stands before @data"},
    {BYTES("@relation r\n@attribute a money\n@data\n"),
     "line 2: expected numeric, real, integer, string, date or {values}, got \"money\""},
    {BYTES("@relation r\n@attribute a real 7\n@data\n"),
     "line 2: expected the end of the line behind the type, got \"7\""},
    {BYTES("@relation r\n@attribute a {x,y\n@data\n"),
     "line 2: the { that opens the values is never closed"},
    {BYTES("@relation r\n@attribute a {}\n@data\n"),
     "line 2: expected values between the braces, got \"\""},
    {BYTES("@relation r\n@attribute 'a {x,y}\n@data\n"),
     "line 2: a quote that opens a text is never closed"},
    {BYTES("@relation r\n@inputs a\n"),
     "line 2: expected @relation, @attribute or @data, got \"@inputs a\""},
    {BYTES("@relation r\n@attribute a real\n@attribute a real\n@data\n1,2\n"),
     "header: columns 1 and 2 have the same name \"a\""},
    {BYTES(ARFF "@data\n% nothing\n"), "no rows follow the header in line 5"},
    {BYTES(ARFF "@data\n1,x,t\n\n2,x\n"), "line 8, column 3 \"s\": expected 3 values, got 2"},
    {BYTES(ARFF "@data\n1,x,t\n2,x,t,u\n"), "line 7, column 4: expected 3 values, got more"},
    {BYTES(ARFF "@data\n1,x,t\n2,x,\n"),
     "line 7, column 3 \"s\": expected a value, got nothing (a missing one is ?)"},
    {BYTES(ARFF "@data\n1,x,t\nabc,x,t\n"),
     "line 7, column 1 \"a\": expected a number, got \"abc\""},
    {BYTES(ARFF "@data\n1,x,t\n1e400,x,u\n"),
     "line 7, column 1 \"a\": expected a finite number, got \"1e400\""},
    {BYTES(ARFF "@data\n1,x,t\ninf,x,u\n"),
     "line 7, column 1 \"a\": expected a finite number, got \"inf\""},
    {BYTES(ARFF "@data\n1,z,t\n"),
     "line 6, column 2 \"b c\": expected one of the 2 declared values, got \"z\""},
    {BYTES(ARFF "@data\n1,x,'t'u\n"),
     "line 6: expected a delimiter behind the closing quote, got \"u\""},
    {BYTES(ARFF "@data\n1,x,caf\351\n"),
     "line 6: byte 0xe9 is not UTF-8 (a Latin-1 file is converted by iconv -f latin1 -t utf-8)"},
    {BYTES(ARFF "@data\n1,x,\0\n"), "line 6: a NUL byte; expected text"},
    {BYTES(ARFF "@data\n1,x,t,{5}\n"), "line 6: expected no weight behind the row, got \"{5}\""},
    {BYTES(ARFF "@data\n{3 1}\n"), "line 6: column 3; there are 0 to 2"},
    {BYTES(ARFF "@data\n{99999999999999999999 1}\n"),
     "line 6: column 18446744073709551615; there are 0 to 2"},
    {BYTES(ARFF "@data\n{x 1}\n"),
     "line 6: expected a column's number and its value, got \"x 1}\""},
    {BYTES(ARFF "@data\n{1 x, 0 2}\n"),
     "line 6: expected columns in ascending order, got \"0 2}\""},
    {BYTES(ARFF "@data\n{0 1, 1 x\n"), "line 6: expected , or } behind a value, got \"\""},
    {BYTES(ARFF "@data\n{0 1} 2\n"), "line 6: expected the end of the line behind }, got \" 2\""},
};

static const struct broken libsvm_files[] = {
    {BYTES("1 1:2 2:3\nx 1:2\n"), "line 2: expected a number, got \"x\""},
    {BYTES("1 1:2 2:3\n1,2 1:2\n"), "line 2: expected a number, got \"1,2\""},
    {BYTES("1 1:2 2:3\n0 1:2 2\n"), "line 2: expected index:value, got \"2\""},
    {BYTES("1 1:2 2:3\n0 -1:2\n"), "line 2: expected index:value, got \"-1:2\""},
    {BYTES("1 1:2 2:3\n\n0 2:2 1:5\n"), "line 3: expected indices in ascending order, got \"1:5\""},
    {BYTES("1 1:2 2:3\n0 1:2 1:5\n"), "line 2: expected indices in ascending order, got \"1:5\""},
    {BYTES("1 1:2 2:3\n0 1: 2:5\n"), "line 2: expected a number, got \"\""},
    {BYTES("1 1:2 2:3\n0 1:2 2:-1e400\n"),
     "line 2, column 2 \"x2\": expected a finite number, got \"-1e400\""},
    {BYTES("1 1:2 2:3\n0 1:2 2:inf\n"),
     "line 2, column 2 \"x2\": expected a finite number, got \"inf\""},
    {BYTES("1\n2\n"), "the table has one column, \"label\"; expected features beside the target"},
    {BYTES("# nothing\n"), "the file has no rows"},
    {BYTES("1 1:2 2:3\n0 1:2 2:\377\n"),
     "line 2: byte 0xff is not UTF-8 (a Latin-1 file is converted by iconv -f latin1 -t utf-8)"},
};

static void broken_text_files_are_refused_in_words(void **state)
{
    struct table_options arff = {.format = "arff"}, libsvm = {.format = "libsvm"};

    (void)state;
    for (size_t i = 0; i < sizeof arff_files / sizeof *arff_files; i++)
        check_fault(arff_files[i].bytes, arff_files[i].n, NULL, &arff, ERR_INVALID,
                    arff_files[i].message);
    for (size_t i = 0; i < sizeof libsvm_files / sizeof *libsvm_files; i++)
        check_fault(libsvm_files[i].bytes, libsvm_files[i].n, NULL, &libsvm, ERR_INVALID,
                    libsvm_files[i].message);
}

static void declared_values_beyond_the_memory_limit_are_refused(void **state)
{
    static const char text[] = ARFF "@data\n1,x,t\n2,x,u\n";
    struct error e = {0};

    (void)state;
    assert_int_equal(try_bytes(text, sizeof text - 1, NULL, NULL, 40, &e), ERR_LIMIT);
    assert_string_equal(e.message, "line 3: the declared values need more than 40 bytes");
}

static void a_sparse_file_too_wide_for_a_table_is_refused(void **state)
{
    static const char wide[] = "1 1:2 99999:3\n0 1:2\n1 1:2\n0 1:2\n", wider[] = "1 1:2 100000:3\n";

    (void)state;
    check_fault(wide, sizeof wide - 1, NULL, NULL, ERR_LIMIT,
                "the table needs more than 1048576 bytes of memory");
    check_fault(wider, sizeof wider - 1, NULL, NULL, ERR_LIMIT,
                "line 1: column 100000; as a dense table there may be 100000");
}

/* ---- which format -----------------------------------------------------------------------------
 */

static void formats_are_known_by_bytes_before_names(void **state)
{
    static const struct named {
        const char *bytes;
        size_t n;
        const char *name, *message;
    } cases[] = {
        {BYTES("\x93NUMPY\1"), "x.csv", "the file ends within the npy header"},
        {BYTES("a,b\n1,2\n"), "x.NPY.gz", "the file does not begin as an npy file does"},
        {BYTES("a,b\n1,2\n"), "x.npz",
         "the archive has no directory at its end: it is cut short or no ZIP file"},
        {BYTES("a,b\n1,2\n"), "x.arff",
         "line 1: expected @relation, @attribute or @data, got \"a,b\""},
        {BYTES("a,b\n1,2\n"), "x.svm", "line 1: expected a number, got \"a,b\""},
        {BYTES("% hello\r\n\n@Relation x\n"), "x.txt", "the file has no @data line"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_fault(cases[i].bytes, cases[i].n, cases[i].name, NULL, ERR_INVALID, cases[i].message);
}

static void options_of_text_are_refused_for_other_formats(void **state)
{
    struct table_options o = {.format = "libsvm", .delimiter = ";"};
    static const char text[] = "1 1:2 2:3\n0 1:3\n";

    (void)state;
    check_fault(text, sizeof text - 1, NULL, &o, ERR_INVALID,
                "delimiter \";\": the option is for csv and tsv, this is a libsvm file");
}

/* Reads several files, named. */
static enum err try_files(const char *const *bytes, const size_t *sizes, const char *const *names,
                          size_t n, struct error *e)
{
    struct table_options none = {0};
    struct memory_source m[TABLE_MAX_FILES];
    struct table_file files[TABLE_MAX_FILES];
    struct table *t = NULL;
    enum err err;

    for (size_t i = 0; i < n; i++) {
        source_memory_init(&m[i], bytes[i], sizes[i]);
        files[i] = (struct table_file){&m[i].source, names[i]};
    }
    err = table_read(files, n, &none, 1 << 20, &t, e);
    table_destroy(t);
    return err;
}

static void files_that_do_not_belong_together_are_refused(void **state)
{
    static const char images[] = "\0\0\10\2\0\0\0\2\0\0\0\2abcd",
                      labels[] = "\0\0\10\1\0\0\0\2\0\1", three[] = "\0\0\10\1\0\0\0\3\0\1\2",
                      csv[] = "a,b\n1,2\n", wide[] = "\0\0\10\2\0\0\0\2\0\0\0\3abcdef";
    static const struct together {
        const char *bytes[4], *names[4];
        size_t sizes[4], n;
        const char *message;
    } cases[] = {
        {{images, images},
         {"a", "b"},
         {16, 16},
         2,
         "two files, expected images and labels: one file of two dimensions or more, and one of "
         "one"},
        {{images, three},
         {"a", "b"},
         {16, 11},
         2,
         "file \"a\" has 2 rows, file \"b\" has 3; expected as many"},
        {{images, labels, images},
         {"a", "b", "test"},
         {16, 10, 16},
         3,
         "3 files, expected images and labels of a training set, and of a test set that has "
         "\"t10k\" or \"test\" in its files' names"},
        {{images, labels, images, labels},
         {"a", "b", "c", "d"},
         {16, 10, 16, 10},
         4,
         "4 files, expected images and labels of a training set, and of a test set that has "
         "\"t10k\" or \"test\" in its files' names"},
        {{images, labels, wide, labels},
         {"a", "b", "test", "t10k"},
         {16, 10, 18, 10},
         4,
         "file \"a\" has 2 columns, file \"test\" has 3; expected as many"},
        {{images, csv},
         {"a", "b"},
         {16, 8},
         2,
         "file \"b\": the file does not begin as an IDX file does"},
        {{csv, images},
         {"a.csv", "b"},
         {8, 16},
         2,
         "2 files came, the first is a text table; several files in one upload are for IDX (images "
         "and labels)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error e = {0};

        assert_int_equal(try_files(cases[i].bytes, cases[i].sizes, cases[i].names, cases[i].n, &e),
                         ERR_INVALID);
        assert_string_equal(e.message, cases[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_npy_files_are_refused_in_words),
        cmocka_unit_test(broken_npz_files_are_refused_in_words),
        cmocka_unit_test(an_archive_beyond_the_memory_limit_is_refused),
        cmocka_unit_test(broken_idx_files_are_refused_in_words),
        cmocka_unit_test(broken_text_files_are_refused_in_words),
        cmocka_unit_test(declared_values_beyond_the_memory_limit_are_refused),
        cmocka_unit_test(a_sparse_file_too_wide_for_a_table_is_refused),
        cmocka_unit_test(formats_are_known_by_bytes_before_names),
        cmocka_unit_test(options_of_text_are_refused_for_other_formats),
        cmocka_unit_test(files_that_do_not_belong_together_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
