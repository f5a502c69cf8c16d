#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "server/auth/secret.h"
#include "server/auth/sessions.h"
#include "server/auth/throttle.h"
#include "server/auth/token.h"

/* ---- secrets ------------------------------------------------------------------------------- */

static void two_secrets_differ_and_have_the_form_of_one(void **state)
{
    char a[SECRET_TEXT_BYTES], b[SECRET_TEXT_BYTES];

    (void)state;
    assert_int_equal(secret_make(a, NULL), ERR_OK);
    assert_int_equal(secret_make(b, NULL), ERR_OK);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 68);
    assert_true(secret_is_text(a));
    assert_true(secret_is_text("swd_wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEYab="));
    assert_false(secret_is_text("swd_tooshort"));
    assert_false(secret_is_text(a + 4));
    a[20] = ' ';
    assert_false(secret_is_text(a));
}

/* FIPS 180-2, appendix B.1. */
static void the_digest_is_sha_256(void **state)
{
    uint8_t made[SECRET_DIGEST_BYTES], read[SECRET_DIGEST_BYTES];

    (void)state;
    secret_digest("abc", made);
    assert_true(secret_read_digest(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", read));
    assert_true(secret_equal(made, read));
    assert_false(secret_read_digest("ba78", read));
    assert_false(secret_read_digest(
        "xa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", read));
}

static void digests_are_equal_only_in_every_bit(void **state)
{
    uint8_t a[SECRET_DIGEST_BYTES], b[SECRET_DIGEST_BYTES];

    (void)state;
    secret_digest("a secret", a);
    memcpy(b, a, sizeof b);
    assert_true(secret_equal(a, b));
    for (size_t bit = 0; bit < 8 * sizeof b; bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(secret_equal(a, b));
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void a_secret_that_is_wiped_is_gone(void **state)
{
    static const char zeros[8];
    char text[8] = "hidden";

    (void)state;
    secret_wipe(text);
    assert_memory_equal(text, zeros, sizeof text);
    secret_wipe(NULL);
}

/* ---- tokens -------------------------------------------------------------------------------- */

static void a_label_is_a_word_that_is_no_number(void **state)
{
    static const char *const good[] = {"ada", "a", "ada.lovelace@home-1", "7up", "_"};
    static const char *const bad[] = {"", "7", "2026", "a b", "ada\n", "a/b", "é", "a\"b"};
    char most[TOKEN_LABEL_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(token_check_label(good[i], NULL), ERR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(token_check_label(bad[i], NULL), ERR_INVALID);
    memset(most, 'a', sizeof most);
    most[TOKEN_LABEL_BYTES] = '\0';
    assert_int_equal(token_check_label(most, NULL), ERR_INVALID);
    most[TOKEN_LABEL_BYTES - 1] = '\0';
    assert_int_equal(token_check_label(most, NULL), ERR_OK);
}

static void scopes_are_ordered(void **state)
{
    enum scope read, submit, admin, none;

    (void)state;
    assert_true(token_scope_find("read", &read));
    assert_true(token_scope_find("submit", &submit));
    assert_true(token_scope_find("admin", &admin));
    assert_false(token_scope_find("all", &none));
    assert_true(SCOPE_OPEN < read && read < submit && submit < admin);
    assert_string_equal(token_scope_name(submit), "submit");
}

static void a_token_that_is_made_keeps_the_hash_of_its_secret(void **state)
{
    struct token_wish wish = {"ada", "submit", 5000};
    char secret[SECRET_TEXT_BYTES];
    uint8_t digest[SECRET_DIGEST_BYTES];
    struct token_record made;

    (void)state;
    assert_int_equal(token_make(&wish, secret, &made, NULL), ERR_OK);
    secret_digest(secret, digest);
    assert_true(secret_equal(digest, made.digest));
    assert_int_equal(made.expires_at_ms - made.created_at_ms, 5000);
}

/* ---- guesses ------------------------------------------------------------------------------- */

static void spend(struct throttle *t, const char *address, double now_s)
{
    for (int i = 0; i < THROTTLE_TRIES; i++)
        assert_true(throttle_fail(t, address, now_s));
    assert_false(throttle_fail(t, address, now_s));
}

static void an_address_has_some_tries_and_gets_them_back_one_by_one(void **state)
{
    struct throttle *t = throttle_create();

    (void)state;
    assert_false(throttle_is_spent(t, "192.0.2.1", 100));
    spend(t, "192.0.2.1", 100);
    assert_true(throttle_is_spent(t, "192.0.2.1", 100));
    assert_false(throttle_is_spent(t, "192.0.2.2", 100));
    assert_true(throttle_is_spent(t, "192.0.2.1", 101.9));
    assert_false(throttle_is_spent(t, "192.0.2.1", 102));
    assert_true(throttle_fail(t, "192.0.2.1", 102));
    assert_false(throttle_fail(t, "192.0.2.1", 102));
    spend(t, "192.0.2.1", 102 + THROTTLE_TRIES * THROTTLE_SECONDS_PER_TRY);
    throttle_destroy(t);
}

static void a_network_of_ipv6_is_one_address(void **state)
{
    struct throttle *t = throttle_create();

    (void)state;
    spend(t, "2001:db8:1:2:aaaa::1", 5);
    assert_true(throttle_is_spent(t, "2001:db8:1:2::77", 5));
    assert_false(throttle_is_spent(t, "2001:db8:1:3::77", 5));
    throttle_destroy(t);
}

static void so_many_addresses_come_that_the_oldest_are_forgotten(void **state)
{
    struct throttle *t = throttle_create();
    char address[32];

    (void)state;
    spend(t, "192.0.2.1", 1);
    for (int i = 0; i < 256; i++) {
        (void)snprintf(address, sizeof address, "198.51.100.%d", i);
        (void)throttle_fail(t, address, 2);
    }
    assert_false(throttle_is_spent(t, "192.0.2.1", 2));
    throttle_destroy(t);
}

static void loopback_and_a_unix_socket_may_be_everybodys(void **state)
{
    (void)state;
    assert_true(throttle_is_shared("127.0.0.1"));
    assert_true(throttle_is_shared("127.8.0.1"));
    assert_true(throttle_is_shared("::1"));
    assert_true(throttle_is_shared("::ffff:127.0.0.1"));
    assert_true(throttle_is_shared(""));
    assert_false(throttle_is_shared("192.0.2.1"));
    assert_false(throttle_is_shared("2001:db8::1"));
    assert_false(throttle_is_shared("::ffff:192.0.2.1"));
}

/* ---- sessions ------------------------------------------------------------------------------ */

static struct session session(int n, uint8_t token, int64_t expires_at_ms)
{
    return (struct session){.digest = {(uint8_t)n, (uint8_t)(n >> 8), 1},
                            .token = {token},
                            .expires_at_ms = expires_at_ms};
}

static void a_session_is_found_until_it_expires_or_is_ended(void **state)
{
    static struct sessions s;
    struct session a = session(1, 1, 100), b = session(2, 1, 200);

    (void)state;
    sessions_add(&s, &a, 0);
    sessions_add(&s, &b, 0);
    assert_non_null(sessions_find(&s, a.digest, 99));
    assert_null(sessions_find(&s, a.digest, 100));
    assert_int_equal(sessions_find(&s, b.digest, 100)->expires_at_ms, 200);
    sessions_remove(&s, b.digest);
    assert_null(sessions_find(&s, b.digest, 100));
    assert_null(sessions_find(&s, (const uint8_t[SECRET_DIGEST_BYTES]){0}, 0));
}

static void a_token_with_many_sessions_loses_its_own_oldest(void **state)
{
    static struct sessions s;
    struct session other = session(1000, 2, 50), first = session(0, 1, 100);

    (void)state;
    sessions_add(&s, &other, 0);
    for (int i = 0; i <= SESSIONS_PER_TOKEN; i++) {
        struct session one = session(i, 1, 100 + i);

        sessions_add(&s, &one, 0);
    }
    assert_null(sessions_find(&s, first.digest, 1));
    first = session(1, 1, 0);
    assert_non_null(sessions_find(&s, first.digest, 1));
    assert_non_null(sessions_find(&s, other.digest, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_secrets_differ_and_have_the_form_of_one),
        cmocka_unit_test(the_digest_is_sha_256),
        cmocka_unit_test(digests_are_equal_only_in_every_bit),
        cmocka_unit_test(a_secret_that_is_wiped_is_gone),
        cmocka_unit_test(a_label_is_a_word_that_is_no_number),
        cmocka_unit_test(scopes_are_ordered),
        cmocka_unit_test(a_token_that_is_made_keeps_the_hash_of_its_secret),
        cmocka_unit_test(an_address_has_some_tries_and_gets_them_back_one_by_one),
        cmocka_unit_test(a_network_of_ipv6_is_one_address),
        cmocka_unit_test(so_many_addresses_come_that_the_oldest_are_forgotten),
        cmocka_unit_test(loopback_and_a_unix_socket_may_be_everybodys),
        cmocka_unit_test(a_session_is_found_until_it_expires_or_is_ended),
        cmocka_unit_test(a_token_with_many_sessions_loses_its_own_oldest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
