#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "server/schema/field.h"
#include "server/schema/query.h"

struct thing {
    bool flag;
    int64_t count;
    double rate;
    const char *word;
    const char *text;
    struct field_texts tags;
    bool has_text;
};

static const char *const words[] = {"one", "two", NULL};

static const struct field fields[] = {
    {.key = "flag", .type = FIELD_BOOL, .offset = offsetof(struct thing, flag)},
    {.key = "count",
     .type = FIELD_INT,
     .offset = offsetof(struct thing, count),
     .min = 1,
     .max = 1e6,
     .required = true,
     .summary = "how many"},
    {.key = "rate", .type = FIELD_REAL, .offset = offsetof(struct thing, rate)},
    {.key = "word", .type = FIELD_TEXT, .offset = offsetof(struct thing, word), .choices = words},
    {.key = "text",
     .type = FIELD_TEXT,
     .offset = offsetof(struct thing, text),
     .present_offset = offsetof(struct thing, has_text),
     .max = 10},
    {.key = "tags", .type = FIELD_TEXTS, .offset = offsetof(struct thing, tags), .max = 3},
    {.key = NULL},
};

/* One decoding; the arena holds what came out. */
struct fixture {
    struct arena *arena;
    struct faults faults;
    struct thing thing;
    struct error e;
};

static enum err decode(struct fixture *f, const char *text, size_t length)
{
    memset(&f->thing, 0, sizeof f->thing);
    arena_reset(f->arena);
    return field_decode(text, length, fields, &f->thing, f->arena, &f->faults, &f->e);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    return f ? (int)arena_create(4096, &f->arena, &f->e) : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_destroy(f->arena);
    free(f);
    return 0;
}

static void good_objects_fill_their_members(void **state)
{
    struct fixture *f = *state;
    const char *text = " {\"flag\": true, \"count\": 1e2, \"rate\": 2.5e-3,\r\n\"word\": \"two\","
                       "\"text\": \"\\u00e9\\ud83d\\ude00\", \"tags\": [\"a\", \"b\"]}\n";

    assert_int_equal(decode(f, text, strlen(text)), ERR_OK);
    assert_true(f->thing.flag && f->thing.has_text);
    assert_int_equal(f->thing.count, 100);
    assert_true(f->thing.rate == 2.5e-3);
    assert_string_equal(f->thing.word, "two");
    assert_string_equal(f->thing.text, "é😀");
    assert_int_equal(f->thing.tags.n, 2);
}

static void encoding_and_decoding_is_identity(void **state)
{
    struct fixture *f = *state;
    const char *text = "{\"flag\": false, \"count\": 7, \"rate\": 0.30000000000000004, "
                       "\"word\": \"one\", \"text\": \"x\", \"tags\": []}";
    struct buf once = {0}, twice = {0};
    struct json j;

    assert_int_equal(decode(f, text, strlen(text)), ERR_OK);
    json_init(&j, &once);
    json_object(&j, NULL);
    field_encode(fields, &f->thing, &j);
    json_end(&j);
    assert_int_equal(decode(f, once.data, once.length), ERR_OK);
    json_init(&j, &twice);
    json_object(&j, NULL);
    field_encode(fields, &f->thing, &j);
    json_end(&j);
    assert_string_equal(buf_text(&once), buf_text(&twice));
    buf_finish(&once);
    buf_finish(&twice);
}

static void faults_come_all_at_once_with_pointers(void **state)
{
    struct fixture *f = *state;
    const char *text =
        "{\"flag\": 1, \"count\": 2e6, \"rate\": \"x\", \"word\": \"tow\", "
        "\"text\": \"12345678901\", \"tags\": [\"a\", 2], \"cuont\": 1, \"a/b~\": 0}";
    const char *pointers[] = {"/flag", "/count",  "/rate",  "/word",
                              "/text", "/tags/1", "/cuont", "/a~1b~0"};
    const char *details[] = {"flag: expected true or false, got 1",
                             "count 2000000 is above 1000000; expected 1 to 1000000",
                             "rate: expected a number, got \"x\"",
                             "word \"tow\": did you mean \"two\"? known: one, two",
                             "text: 11 bytes are above 10",
                             "tags: expected a text, got 2",
                             "cuont: unknown key; did you mean count?",
                             "a/b~: unknown key; known: flag, count, rate, word, text, tags"};
    const struct fault *fault;
    size_t i = 0;

    assert_int_equal(decode(f, text, strlen(text)), ERR_INVALID);
    assert_int_equal(f->faults.n, 8);
    for (fault = f->faults.first; fault; fault = fault->next, i++) {
        assert_string_equal(fault->pointer, pointers[i]);
        assert_string_equal(fault->detail, details[i]);
    }
}

static void an_empty_body_is_an_empty_object_and_null_is_left_out(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(decode(f, "", 0), ERR_INVALID);
    assert_string_equal(f->e.message, "count is missing: how many");
    assert_int_equal(decode(f, "{\"count\": 3, \"text\": null}", 26), ERR_OK);
    assert_false(f->thing.has_text);
    assert_int_equal(decode(f, "[1]", 3), ERR_INVALID);
}

static void text_that_is_not_json_is_refused_with_line_and_column(void **state)
{
    static const struct {
        const char *text;
        size_t length; /* 0: up to the NUL */
        const char *message;
    } cases[] = {
        {"{\"count\": 01}", 0, "line 1, column 12: a number does not begin with 0"},
        {"{\"count\": 1.}", 0, "line 1, column 13: expected a digit, got '}'"},
        {"{\"count\": .5}", 0, "line 1, column 11: expected a value, got '.'"},
        {"{\"count\": +1}", 0, "line 1, column 11: expected a value, got '+'"},
        {"{\"count\": NaN}", 0, "line 1, column 11: expected a value, got 'N'"},
        {"{\"count\": 1e400}", 0, "line 1, column 11: the number is too large"},
        {"{\n \"count\": 1,\n}", 0, "line 3, column 1: expected a name in quotes, got '}'"},
        {"{\"count\": 1", 0, "line 1, column 12: expected ',' or '}', got the end of the text"},
        {"{\"é\": x}", 0, "line 1, column 7: expected a value, got 'x'"},
        {"{\"count\": 1} x", 0, "line 1, column 14: expected the end of the text, got 'x'"},
        {"{\"count\": 1, \"count\": 2}", 0, "line 1, column 14: the key \"count\" stands twice"},
        {"{\"count\": 1, \"\\u0063ount\": 2}", 0,
         "line 1, column 14: the key \"count\" stands twice"},
        {"{\"text\": \"\\u0000\"}", 0, "line 1, column 11: the character \\u0000 is not allowed"},
        {"{\"text\": \"\\ud800\"}", 0, "line 1, column 11: half of a surrogate pair"},
        {"{\"text\": \"\\udc00\"}", 0, "line 1, column 11: half of a surrogate pair"},
        {"{\"text\": \"\\x\"}", 0, "line 1, column 11: unknown escape in a string"},
        {"{\"text\": \"\\u00g0\"}", 0, "line 1, column 11: \\u needs four hexadecimal digits"},
        {"{\"text\": \"a\nb\"}", 0,
         "line 1, column 12: a control character in a string must be escaped"},
        {"{\"text\": \"abc}", 0, "line 1, column 10: the string has no end"},
        {"{\"text\": \"\xff\"}", 0, "line 1, column 11: not UTF-8"},
        {"{\"text\": \"\xc0\xaf\"}", 0, "line 1, column 11: not UTF-8"},
        {"{\"text\": \"\xed\xa0\x80\"}", 0, "line 1, column 11: not UTF-8"},
        {"\xef\xbb\xbf{}", 0, "line 1, column 1: a byte order mark does not belong into JSON"},
        {"{\0}", 3, "line 1, column 2: a NUL byte"},
        {"{'count': 1}", 0, "line 1, column 2: expected a name in quotes, got '''"},
        {"{\"count\" 1}", 0, "line 1, column 10: expected ':', got '1'"},
        {"{\"count\": 1 /* one */}", 0, "line 1, column 13: expected ',' or '}', got '/'"},
        {"tru", 0, "line 1, column 1: expected a value, got 't'"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = cases[i].length > 0 ? cases[i].length : strlen(cases[i].text);

        assert_int_equal(decode(f, cases[i].text, length), ERR_SYNTAX);
        assert_string_equal(f->e.message, cases[i].message);
    }
}

static void deep_and_large_texts_are_refused(void **state)
{
    struct fixture *f = *state;
    struct buf b = {0};

    for (int i = 0; i < 100000; i++)
        buf_putc(&b, '[');
    assert_int_equal(decode(f, b.data, b.length), ERR_SYNTAX);
    assert_string_equal(f->e.message, "line 1, column 33: more than 32 levels of nesting");
    buf_clear(&b);
    buf_puts(&b, "{\"tags\": [");
    for (int i = 0; i < 60000; i++)
        buf_puts(&b, "1,");
    buf_puts(&b, "1]}");
    assert_int_equal(decode(f, b.data, b.length), ERR_LIMIT);
    buf_clear(&b);
    buf_puts(&b, "{");
    for (int i = 0; i < 40000; i++)
        buf_printf(&b, "%s\"k%d\": 1", i > 0 ? "," : "", i);
    buf_puts(&b, "}");
    assert_int_equal(decode(f, b.data, b.length), ERR_INVALID);
    assert_int_equal(f->faults.n, FAULTS_MAX);
    buf_finish(&b);
}

/* Whatever bytes come, the answer is one of four and nothing is read beyond the text. */
static void mutated_texts_never_surprise(void **state)
{
    static const char good[] =
        "{\"flag\": true, \"count\": 12, \"rate\": -2.5e-3, \"word\": \"two\", "
        "\"text\": \"\\u00e9\\ud83d\\ude00\", \"tags\": [\"a\", \"b\"]}";
    static const char bytes[] = "{}[]\",:\\u0123456789eE+-.truefalsn \n\t\xc3\xa9\xff\x01";
    struct fixture *f = *state;
    struct rng r;

    print_message("seed 3\n");
    rng_init(&r, 3, 0, 0, RNG_TEST, 0);
    for (int i = 0; i < 10000; i++) {
        size_t length = sizeof good - 1, cut = rng_below(&r, 4) == 0 ? rng_below(&r, 50) : 0;
        char *text = malloc(length);
        enum err answer;

        memcpy(text, good, length);
        for (uint32_t k = 1 + rng_below(&r, 4); k > 0; k--)
            text[rng_below(&r, (uint32_t)length)] = bytes[rng_below(&r, sizeof bytes - 1)];
        text = realloc(text, length - cut); /* so that a sanitizer sees the end */
        answer = decode(f, text, length - cut);
        assert_true(answer == ERR_OK || answer == ERR_SYNTAX || answer == ERR_INVALID);
        assert_int_equal(answer == ERR_INVALID && f->faults.n == 0, false);
        free(text);
    }
}

static void the_documentation_is_a_json_schema(void **state)
{
    struct buf b = {0};
    struct json j;

    (void)state;
    json_init(&j, &b);
    field_document(fields, FIELD_REQUEST, &j, NULL);
    assert_non_null(strstr(buf_text(&b), "\"count\": {\n      \"description\": \"how many\",\n"
                                         "      \"type\": \"integer\",\n"
                                         "      \"minimum\": 1,\n      \"maximum\": 1000000\n    }"));
    assert_non_null(strstr(buf_text(&b), "\"enum\": [\"one\", \"two\", null]"));
    assert_non_null(strstr(buf_text(&b), "\"additionalProperties\": false"));
    assert_non_null(strstr(buf_text(&b), "\"required\": [\"count\"]"));
    buf_finish(&b);
}

static void query_parameters_are_typed_and_named_in_faults(void **state)
{
    static const char *const known[] = {"limit", "cursor", NULL};
    struct fixture *f = *state;
    int64_t limit = QUERY_LIMIT_DEFAULT;
    bool force = false;
    double x = 0;
    const char *word = "one";

    arena_reset(f->arena);
    faults_init(&f->faults, f->arena);
    query_i64(&f->faults, "limit", NULL, 1, QUERY_LIMIT_MAX, &limit);
    assert_int_equal(limit, 100);
    query_i64(&f->faults, "limit", "7", 1, QUERY_LIMIT_MAX, &limit);
    assert_int_equal(limit, 7);
    query_bool(&f->faults, "force", "", &force);
    assert_true(force);
    query_real(&f->faults, "interval", "0.9", 0, 1, &x);
    assert_true(x == 0.9);
    query_choice(&f->faults, "word", "two", words, &word);
    assert_string_equal(word, "two");
    query_known(&f->faults, "cursor", known);
    assert_int_equal(f->faults.n, 0);
    query_i64(&f->faults, "limit", "0", 1, QUERY_LIMIT_MAX, &limit);
    assert_string_equal(f->faults.last->detail, "limit 0 is below 1; expected 1 to 1000");
    assert_string_equal(f->faults.last->pointer, "limit");
    query_i64(&f->faults, "limit", " 5", 1, QUERY_LIMIT_MAX, &limit);
    assert_string_equal(f->faults.last->detail, "limit: expected an integer, got \" 5\"");
    query_i64(&f->faults, "limit", "99999999999999999999", 1, QUERY_LIMIT_MAX, &limit);
    query_bool(&f->faults, "force", "maybe", &force);
    query_real(&f->faults, "interval", "nan", 0, 1, &x);
    query_choice(&f->faults, "word", "three", words, &word);
    assert_string_equal(f->faults.last->detail, "word: expected one of one, two, got \"three\"");
    query_known(&f->faults, "limits", known);
    assert_string_equal(f->faults.last->detail, "limits: unknown parameter; did you mean limit?");
    assert_int_equal(f->faults.n, 7);
    assert_int_equal(limit, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_objects_fill_their_members),
        cmocka_unit_test(encoding_and_decoding_is_identity),
        cmocka_unit_test(faults_come_all_at_once_with_pointers),
        cmocka_unit_test(an_empty_body_is_an_empty_object_and_null_is_left_out),
        cmocka_unit_test(text_that_is_not_json_is_refused_with_line_and_column),
        cmocka_unit_test(deep_and_large_texts_are_refused),
        cmocka_unit_test(mutated_texts_never_surprise),
        cmocka_unit_test(the_documentation_is_a_json_schema),
        cmocka_unit_test(query_parameters_are_typed_and_named_in_faults),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
