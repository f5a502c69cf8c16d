#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/api/form.h"

static void the_ending_of_the_path_decides(void **state)
{
    (void)state;
    assert_int_equal(form_wanted("trials.csv", "application/json"), FORM_CSV);
    assert_int_equal(form_wanted("trials.txt", NULL), FORM_TEXT);
    assert_int_equal(form_wanted("trials.json", "text/csv"), FORM_JSON);
    assert_int_equal(form_wanted("trials", NULL), FORM_JSON);
}

static void else_the_best_that_is_accepted(void **state)
{
    static const struct {
        const char *accept;
        enum form form;
    } cases[] = {
        {"", FORM_JSON},
        {"*/*", FORM_JSON},
        {"text/csv", FORM_CSV},
        {"TEXT/CSV", FORM_CSV},
        {"text/plain", FORM_TEXT},
        {"text/csv; header=present", FORM_CSV},
        {"text/html, text/csv;q=0.9", FORM_CSV},
        {"text/plain;q=0.5, text/csv;q=0.501", FORM_CSV},
        {"text/*;q=0.3, text/csv;q=0.2", FORM_TEXT},
        {"text/csv, application/json", FORM_JSON},
        {"text/csv, */*;q=0.1", FORM_CSV},
        {"text/csv;q=0", FORM_JSON},
        {"text/csv;q=0, text/*", FORM_TEXT},
        {"application/json;q=0, */*", FORM_CSV},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", FORM_JSON},
        {"text/csvx", FORM_JSON},
        {"image/png", FORM_JSON},
        {",,;q=1,", FORM_JSON},
        {"text/csv;q=", FORM_CSV},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (form_wanted("trials", cases[i].accept) != cases[i].form)
            fail_msg("Accept: %s gives %d", cases[i].accept,
                     (int)form_wanted("trials", cases[i].accept));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ending_of_the_path_decides),
        cmocka_unit_test(else_the_best_that_is_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
