/* tests/core/base/test_sha256.c -- the examples of FIPS 180, however the bytes are cut. */
#include "core/base/sha256.h"

#include <string.h>

#include "tests/check.h"

static void known_texts_have_their_known_hashes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hash;
    } KNOWN[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hash[65];
    for (size_t i = 0; i < COUNT(KNOWN); i++) {
        Sha256 sha = sha256_new();
        sha256_add(&sha, KNOWN[i].text, strlen(KNOWN[i].text));
        sha256_hex(&sha, hash);
        assert_string_equal(hash, KNOWN[i].hash);
    }
}

static void a_million_letters_in_pieces_of_any_size(void **state)
{
    (void)state;
    char letters[1000];
    memset(letters, 'a', sizeof letters);
    Sha256 sha = sha256_new();
    size_t left = 1000000, piece = 1;
    while (left > 0) {
        const size_t count = piece < left ? piece : left;
        sha256_add(&sha, letters, count);
        left -= count;
        piece = piece % 997 + 1;
    }
    char hash[65];
    sha256_hex(&sha, hash);
    assert_string_equal(hash, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_their_known_hashes),
        cmocka_unit_test(a_million_letters_in_pieces_of_any_size),
    };
    return RUN_TESTS(tests);
}
