#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "server/schema/faults.h"
#include "server/schema/json.h"
#include "server/schema/sentences.h"

static void documents_are_indented_and_end_in_a_newline(void **state)
{
    static const int64_t widths[] = {64, 32};
    struct buf b = {0};
    struct json j;

    (void)state;
    json_init(&j, &b);
    json_object(&j, NULL);
    json_string(&j, "name", "a \"quoted\" name\n");
    json_array_inline(&j, "tags");
    json_string(&j, NULL, "x");
    json_object_inline(&j, NULL);
    json_i64(&j, "n", -1);
    json_end(&j);
    json_end(&j);
    json_array(&j, "empty");
    json_end(&j);
    json_object(&j, "inner");
    json_value(&j, "hidden",
               &(struct value){.kind = VALUE_LIST, .list = {.n = 2, .items = widths}});
    json_bool(&j, "yes", true);
    json_null(&j, "nothing");
    json_string(&j, "no_text", NULL);
    json_end(&j);
    json_end(&j);
    assert_string_equal(buf_text(&b), "{\n"
                                      "  \"name\": \"a \\\"quoted\\\" name\\n\",\n"
                                      "  \"tags\": [\"x\", {\"n\": -1}],\n"
                                      "  \"empty\": [],\n"
                                      "  \"inner\": {\n"
                                      "    \"hidden\": [64, 32],\n"
                                      "    \"yes\": true,\n"
                                      "    \"nothing\": null,\n"
                                      "    \"no_text\": null\n"
                                      "  }\n"
                                      "}\n");
    buf_finish(&b);
}

static void doubles_read_back_to_the_same_bits(void **state)
{
    struct buf b = {0};
    struct json j;
    struct rng r;

    (void)state;
    print_message("seed 1\n");
    rng_init(&r, 1, 0, 0, RNG_TEST, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rng_u64(&r);
        double x, y;

        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            continue;
        buf_clear(&b);
        json_init(&j, &b);
        json_double(&j, NULL, x);
        y = strtod(buf_text(&b), NULL);
        assert_memory_equal(&x, &y, sizeof x);
    }
    buf_finish(&b);
}

static void familiar_doubles_are_short_and_missing_ones_null(void **state)
{
    const double x[] = {0.1, 0.30000000000000004, 1e15, 30, -0.0, (double)NAN, (double)INFINITY};
    struct buf b = {0};
    struct json j;

    (void)state;
    json_init(&j, &b);
    json_array_inline(&j, NULL);
    for (size_t i = 0; i < sizeof x / sizeof x[0]; i++)
        json_double(&j, NULL, x[i]);
    json_end(&j);
    assert_string_equal(buf_text(&b), "[0.1, 0.30000000000000004, 1e+15, 30, -0, null, null]\n");
    buf_finish(&b);
}

static void a_problem_names_all_its_faults(void **state)
{
    struct buf b = {0};
    struct faults f;
    struct arena *a;
    struct error e;

    (void)state;
    assert_int_equal(arena_create(4096, &a, &e), ERR_OK);
    faults_init(&f, a);
    assert_int_equal(faults_check(&f, &e), ERR_OK);
    faults_add(&f, "/space/width/1", "0", "width %d is below 1", 0);
    faults_add(&f, "/seed", NULL, "seed is negative");
    assert_int_equal(faults_check(&f, &e), ERR_INVALID);
    assert_string_equal(e.message, "width 0 is below 1 (and 1 more fault)");
    assert_string_equal(e.field, "/space/width/1");
    problem_write(&b, problem_status(e.code), e.message, "/api/v1/experiments", "r-1", &f);
    assert_string_equal(buf_text(&b), "{\n"
                                      "  \"type\": \"about:blank\",\n"
                                      "  \"title\": \"Unprocessable Content\",\n"
                                      "  \"status\": 422,\n"
                                      "  \"detail\": \"width 0 is below 1 (and 1 more fault)\",\n"
                                      "  \"instance\": \"/api/v1/experiments\",\n"
                                      "  \"request_id\": \"r-1\",\n"
                                      "  \"errors\": [\n"
                                      "    {\n"
                                      "      \"pointer\": \"/space/width/1\",\n"
                                      "      \"detail\": \"width 0 is below 1\",\n"
                                      "      \"value\": 0\n"
                                      "    },\n"
                                      "    {\n"
                                      "      \"pointer\": \"/seed\",\n"
                                      "      \"detail\": \"seed is negative\"\n"
                                      "    }\n"
                                      "  ]\n"
                                      "}\n");
    buf_finish(&b);
    arena_destroy(a);
}

static void sentences_read_back_as_they_were(void **state)
{
    static const char words[] = "gradients vanish\0a \"quoted\" name\n\0\xc3\xa4";
    struct buf list = {0}, text = {0}, back = {0};
    struct error e = {0};

    (void)state;
    sentences_write(&list, &text);
    assert_string_equal(buf_text(&text), "[]");
    assert_int_equal(sentences_read(buf_text(&text), &back, &e), ERR_OK);
    assert_int_equal(sentences_count(&back), 0);
    buf_append(&list, words, sizeof words);
    buf_clear(&text);
    sentences_write(&list, &text);
    assert_string_equal(buf_text(&text),
                        "[\"gradients vanish\", \"a \\\"quoted\\\" name\\n\", \"\xc3\xa4\"]");
    assert_int_equal(sentences_read(buf_text(&text), &back, &e), ERR_OK);
    assert_int_equal(sentences_count(&back), 3);
    assert_int_equal(back.length, sizeof words);
    assert_memory_equal(back.data, words, sizeof words);
    assert_int_equal(sentences_read("[1]", &back, &e), ERR_SYNTAX);
    assert_int_equal(sentences_read("[\"half", &back, &e), ERR_SYNTAX);
    buf_finish(&list);
    buf_finish(&text);
    buf_finish(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_indented_and_end_in_a_newline),
        cmocka_unit_test(doubles_read_back_to_the_same_bits),
        cmocka_unit_test(familiar_doubles_are_short_and_missing_ones_null),
        cmocka_unit_test(a_problem_names_all_its_faults),
        cmocka_unit_test(sentences_read_back_as_they_were),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
