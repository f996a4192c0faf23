/* tests/core/data/mnist/test_idx.c -- what the IDX reader takes, and each thing that it refuses. */
#include "core/data/mnist/idx.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/core/data/mnist/idx_file.h"

#include "tests/check.h"

static bool parse(const IdxFile *f, IdxKind kind, Idx *idx, Error *err)
{
    // A copy of exactly that size, so that AddressSanitizer sees a read beyond its end.
    uint8_t *bytes = malloc(f->size ? f->size : 1);
    memcpy(bytes, f->bytes, f->size);
    const bool ok = idx_parse("f", bytes, f->size, kind, idx, err);
    free(bytes);
    return ok;
}

static void check_refused(const IdxFile *f, IdxKind kind, const char *message)
{
    Error err;
    Idx idx;
    CHECK_REFUSED(parse(f, kind, &idx, &err), err, ERR_INVALID, message);
    assert_null(idx.data);
}

static void check_images(const IdxFile *f)
{
    Error err = {0};
    Idx idx;
    CHECK_OK(parse(f, IDX_IMAGES, &idx, &err), err);
    assert_int_equal(idx.count, 3);
    assert_int_equal(idx.height, 4);
    assert_int_equal(idx.width, 5);
    for (int i = 0; i < 60; i++)
        assert_int_equal(idx.data[i], i);
    idx_free(&idx);
    assert_null(idx.data);
}

static void reads_images_plain_and_gzip(void **state)
{
    (void)state;
    const IdxFile plain = idx_file_images(3, 4, 5, 60);
    check_images(&plain);
    const IdxFile gzip = idx_file_gzip(&plain);
    check_images(&gzip);
}

static void reads_labels(void **state)
{
    (void)state;
    Error err = {0};
    Idx idx;
    const IdxFile f = idx_file_labels(20, 20, 7);
    CHECK_OK(parse(&f, IDX_LABELS, &idx, &err), err);
    assert_int_equal(idx.count, 20);
    assert_int_equal(idx.height, 1);
    assert_int_equal(idx.width, 1);
    for (int i = 0; i < 20; i++)
        assert_int_equal(idx.data[i], i % 7);
    idx_free(&idx);
}

static void reads_gzip_members_behind_one_another(void **state)
{
    (void)state;
    IdxFile head = idx_file_images(3, 4, 5, 60), tail = {.size = 0};
    tail.size = 33;
    head.size -= tail.size;
    memcpy(tail.bytes, head.bytes + head.size, tail.size);
    IdxFile both = idx_file_gzip(&head);
    tail = idx_file_gzip(&tail);
    memcpy(both.bytes + both.size, tail.bytes, tail.size);
    both.size += tail.size;
    check_images(&both);
}

static void refuses_every_cut(void **state)
{
    (void)state;
    const IdxFile whole = idx_file_images(3, 4, 5, 60);
    char want[128];
    for (size_t size = 0; size < whole.size; size++) {
        IdxFile cut = whole;
        cut.size = size;
        if (size < 16)
            snprintf(want, sizeof want,
                     "f is cut off: %zu of the 16 bytes of its header are missing", 16 - size);
        else
            snprintf(want, sizeof want, "f is cut off: %zu of its 60 bytes of images are missing",
                     76 - size);
        check_refused(&cut, IDX_IMAGES, want);
    }
    IdxFile cut = idx_file_labels(9, 4, 0);
    check_refused(&cut, IDX_LABELS, "f is cut off: 5 of its 9 bytes of labels are missing");
    cut.size = 7;
    check_refused(&cut, IDX_LABELS, "f is cut off: 1 of the 8 bytes of its header are missing");
}

static void refuses_every_cut_of_gzip(void **state)
{
    (void)state;
    const IdxFile plain = idx_file_images(3, 4, 5, 60);
    const IdxFile whole = idx_file_gzip(&plain);
    for (size_t size = 0; size < whole.size; size++) {
        IdxFile cut = whole;
        cut.size = size;
        Error err = {0};
        Idx idx;
        assert_false(parse(&cut, IDX_IMAGES, &idx, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.message, "f is cut off: "));
    }
    IdxFile cut = whole;
    cut.size -= 1;
    check_refused(&cut, IDX_IMAGES, "f is cut off: the end of its gzip data is missing");
}

static void refuses_a_wrong_magic_number(void **state)
{
    (void)state;
    const IdxFile labels = idx_file_labels(20, 20, 0), images = idx_file_images(1, 2, 2, 4);
    check_refused(&labels, IDX_IMAGES,
                  "f has the wrong magic number 0x00000801: an IDX file of images begins with "
                  "0x00000803");
    check_refused(&images, IDX_LABELS,
                  "f has the wrong magic number 0x00000803: an IDX file of labels begins with "
                  "0x00000801");
    const IdxFile text = {.bytes = "Moin", .size = 4};
    check_refused(&text, IDX_LABELS,
                  "f has the wrong magic number 0x4d6f696e: an IDX file of labels begins with "
                  "0x00000801");
}

static void refuses_bytes_after_the_end(void **state)
{
    (void)state;
    const IdxFile plain = idx_file_images(3, 4, 5, 61);
    const char *want = "f has bytes after the last of the 3 images that its header says";
    check_refused(&plain, IDX_IMAGES, want);
    IdxFile gzip = idx_file_gzip(&plain);
    check_refused(&gzip, IDX_IMAGES, want);
    const IdxFile labels = idx_file_labels(5, 8, 0);
    check_refused(&labels, IDX_LABELS,
                  "f has bytes after the last of the 5 labels that its header says");
}

/* As gzip does: tapes and downloads are padded. A member cut short is no such thing. */
static void bytes_behind_the_last_gzip_member_are_ignored(void **state)
{
    (void)state;
    const IdxFile plain = idx_file_images(3, 4, 5, 60);
    IdxFile gzip = idx_file_gzip(&plain);
    Idx idx;
    Error err = {0};
    memset(gzip.bytes + gzip.size, 'x', 4);
    gzip.size += 4;
    CHECK_OK(idx_parse("f", gzip.bytes, gzip.size, IDX_IMAGES, &idx, &err), err);
    assert_memory_equal(idx.data, plain.bytes + 16, 60);
    idx_free(&idx);
}

static void refuses_absurd_sizes(void **state)
{
    (void)state;
    static const struct {
        uint32_t count, height, width;
        const char *want;
    } SIZES[] = {
        {0, 28, 28, "f: number of items must be 1 to 2147483647, its header says 0"},
        {0x80000000, 1, 1,
         "f: number of items must be 1 to 2147483647, its header says 2147483648"},
        {1, 0, 28, "f: height must be 1 to 4096, its header says 0"},
        {1, 4097, 28, "f: height must be 1 to 4096, its header says 4097"},
        {1, 28, 0, "f: width must be 1 to 4096, its header says 0"},
        {1, 28, 0xffffffff, "f: width must be 1 to 4096, its header says 4294967295"},
        {0x7fffffff, 4096, 4096,
         "f: its header says 36028797002186752 bytes of images, more than the 4294967296 that are "
         "accepted"},
    };
    for (size_t i = 0; i < COUNT(SIZES); i++) {
        const IdxFile f = idx_file_images(SIZES[i].count, SIZES[i].height, SIZES[i].width, 100);
        check_refused(&f, IDX_IMAGES, SIZES[i].want);
    }
}

/* A flipped bit is found by zlib, by the header's checks or by a sum; or it is one of the few that
 * fill up the last byte of the packed data and mean nothing. */
static void no_flipped_bit_of_gzip_changes_the_images(void **state)
{
    (void)state;
    const IdxFile plain = idx_file_images(3, 4, 5, 60);
    const IdxFile whole = idx_file_gzip(&plain);
    int taken = 0;
    for (size_t bit = 80; bit < 8 * whole.size; bit++) {  // behind gzip's header, which may vary
        IdxFile bad = whole;
        bad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        Error err = {0};
        Idx idx;
        if (parse(&bad, IDX_IMAGES, &idx, &err)) {
            assert_memory_equal(idx.data, plain.bytes + 16, 60);
            idx_free(&idx);
            taken++;
        } else {
            assert_int_equal(err.code, ERR_INVALID);
        }
    }
    assert_true(taken < 8);
    IdxFile bad = whole;
    bad.bytes[bad.size - 5] ^= 1;
    check_refused(&bad, IDX_IMAGES, "f has damaged gzip data: incorrect data check");
}

/* Let this process map `bytes` more than it does now; returns the limit before. */
static struct rlimit limit_memory(size_t bytes)
{
    unsigned long pages;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu", &pages), 1);
    fclose(f);
    struct rlimit before;
    getrlimit(RLIMIT_AS, &before);
    const struct rlimit now = {pages * (unsigned long)sysconf(_SC_PAGESIZE) + bytes,
                               before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &now), 0);
    return before;
}

/* A header may promise 4 GB; only what really comes may be allocated. */
static void a_lying_header_costs_no_memory(void **state)
{
    (void)state;
    const IdxFile plain = idx_file_images(256, 4096, 4096, 100);
    const IdxFile gzip = idx_file_gzip(&plain);
    const char *want = "f is cut off: 4294967196 of its 4294967296 bytes of images are missing";
    const struct rlimit before = limit_memory(64 << 20);
    check_refused(&plain, IDX_IMAGES, want);
    check_refused(&gzip, IDX_IMAGES, want);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
}

/* A gzip bomb: 64 MiB of zeros behind a small header is not unpacked, but for the first of them. */
static void a_bomb_is_not_unpacked(void **state)
{
    (void)state;
    enum { ZEROS = 64 << 20, ROOM = 1 << 18 };
    const IdxFile head = idx_file_images(3, 4, 5, 60);
    uint8_t *zeros = xcalloc(1 << 20, 1), *packed = xcalloc(ROOM, 1);
    z_stream z = {.next_in = (Bytef *)head.bytes, .avail_in = (uInt)head.size};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = packed;
    z.avail_out = ROOM;
    assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
    for (int i = 0; i < ZEROS >> 20; i++) {
        z.next_in = zeros;
        z.avail_in = 1 << 20;
        assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
    }
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    Error err;
    Idx idx;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    CHECK_REFUSED(idx_parse("bomb", packed, z.total_out, IDX_IMAGES, &idx, &err), err, ERR_INVALID,
                  "bomb has bytes after the last of the 3 images that its header says");
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 16 * 1024);  // KiB
    deflateEnd(&z);
    free(zeros);
    free(packed);
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    Error err;
    Idx idx;
    CHECK_REFUSED(idx_read("/nowhere/x", IDX_LABELS, &idx, &err), err, ERR_NOT_FOUND,
                  "/nowhere/x is missing");
    CHECK_REFUSED(idx_read("/tmp", IDX_LABELS, &idx, &err), err, ERR_INVALID,
                  "/tmp is not a regular file");

    char folder[] = "/tmp/test_idx.XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *fifo = xasprintf("%s/fifo", folder), *want = xasprintf("%s is not a regular file", fifo);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    CHECK_REFUSED(idx_read(fifo, IDX_LABELS, &idx, &err), err, ERR_INVALID, want);
    unlink(fifo);
    rmdir(folder);
    free(fifo);
    free(want);
}

static void reads_files_larger_than_its_buffers(void **state)
{
    (void)state;
    Error err = {0};
    Idx idx;
    CHECK_OK(idx_read("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz", IDX_IMAGES,
                      &idx, &err),
             err);
    assert_int_equal(idx.count, 10000);
    assert_int_equal(crc32(0, idx.data, 10000 * 784), 0x12728439);  // as Python's zlib has it
    idx_free(&idx);
}

/* The fuzzer's seeds, whatever they hold, go through the reader in every build. */
static void the_fuzz_corpus_does_no_harm(void **state)
{
    (void)state;
    DIR *folder = opendir(TESTS_DIR "/fuzz/corpus/idx");
    assert_non_null(folder);
    int taken = 0, refused = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = xasprintf(TESTS_DIR "/fuzz/corpus/idx/%s", entry->d_name);
        for (int dims = IDX_LABELS; dims <= IDX_IMAGES; dims += IDX_IMAGES - IDX_LABELS) {
            Error err = {0};
            Idx idx;
            const bool ok = idx_read(path, (IdxKind)dims, &idx, &err);
            taken += ok;
            refused += !ok;
            assert_true(ok || err.message[0]);
            if (ok)
                idx_free(&idx);
        }
        free(path);
    }
    closedir(folder);
    assert_true(taken >= 4);
    assert_true(refused >= 8);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_images_plain_and_gzip),
        cmocka_unit_test(reads_labels),
        cmocka_unit_test(reads_gzip_members_behind_one_another),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(refuses_every_cut_of_gzip),
        cmocka_unit_test(refuses_a_wrong_magic_number),
        cmocka_unit_test(refuses_bytes_after_the_end),
        cmocka_unit_test(bytes_behind_the_last_gzip_member_are_ignored),
        cmocka_unit_test(refuses_absurd_sizes),
        cmocka_unit_test(no_flipped_bit_of_gzip_changes_the_images),
        cmocka_unit_test(a_lying_header_costs_no_memory),
        cmocka_unit_test(a_bomb_is_not_unpacked),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(reads_files_larger_than_its_buffers),
        cmocka_unit_test(the_fuzz_corpus_does_no_harm),
    };
    return RUN_TESTS(tests);
}
