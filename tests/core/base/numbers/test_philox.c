/* tests/core/base/numbers/test_philox.c */
#include "core/base/numbers/philox.h"
#include "tests/check.h"

/* philox 4x32 10 of the known answers that come with Random123. */
static void known_answers(void **state)
{
    (void)state;
    static const struct {
        Philox counter;
        PhiloxKey key;
        Philox answer;
    } KNOWN[] = {
        {{{0, 0, 0, 0}}, {{0, 0}}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
        {{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}},
         {{0xffffffff, 0xffffffff}},
         {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
        {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
         {{0xa4093822, 0x299f31d0}},
         {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
    };
    for (size_t i = 0; i < COUNT(KNOWN); i++) {
        const Philox got = philox(KNOWN[i].key, KNOWN[i].counter);
        assert_memory_equal(&got, &KNOWN[i].answer, sizeof got);
    }
}

/* Of any length, from any counter: also where the last numbers are less than a counter's four. */
static void many_numbers_are_those_of_one_counter_after_the_other(void **state)
{
    (void)state;
    const PhiloxKey key = philox_key(12, "x");
    for (size_t count = 0; count < 150; count++) {
        uint32_t numbers[151];
        numbers[count] = 77;
        const Philox first = {{(uint32_t)(3 * count), 5, 6, 7}};
        philox_fill(key, first, numbers, count);
        for (size_t i = 0; i < count; i++) {
            Philox counter = first;
            counter.x[0] += (uint32_t)(i / 4);
            assert_int_equal(numbers[i], philox(key, counter).x[i % 4]);
        }
        assert_int_equal(numbers[count], 77);
    }
}

static void keys_differ_by_seed_and_name(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        const char *name;
    } USES[] = {{0, ""},          {0, "a"}, {0, "b"}, {0, "ab"},
                {0, "ba"},        {1, "a"}, {2, "a"}, {(uint64_t)1 << 32, "a"},
                {UINT64_MAX, "a"}};
    for (size_t i = 0; i < COUNT(USES); i++) {
        const PhiloxKey a = philox_key(USES[i].seed, USES[i].name);
        for (size_t j = 0; j < COUNT(USES); j++) {
            const PhiloxKey b = philox_key(USES[j].seed, USES[j].name);
            assert_int_equal(memcmp(&a, &b, sizeof a) == 0, i == j);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(many_numbers_are_those_of_one_counter_after_the_other),
        cmocka_unit_test(keys_differ_by_seed_and_name),
    };
    return RUN_TESTS(tests);
}
