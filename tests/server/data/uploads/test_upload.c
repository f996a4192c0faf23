/* Uploads on the disk: what is where, who may write, what a failure leaves. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/sha256.h"
#include "server/base/time.h"
#include "server/data/uploads/upload.h"
#include "tests/server/clocks.h"
#include "tests/server/scratch.h"

#include "tests/check.h"

enum { PIECE = 100000, DAY = 86400000 };

#ifndef WITHOUT_FAULTS
void fault_plan(const char *fault);  // tests/faults/preload.c
int fault_hits(void);
#endif

static struct {
    Scratch scratch;
    Quota *quota;
    Uploads *uploads;
} T;

static void open_for(int64_t expire_ms, int64_t upload_bytes, int most)
{
    Error err = {0};
    const UploadsConfig config = {.data = T.scratch.path,
                                  .upload_bytes = upload_bytes,
                                  .most = most,
                                  .expire_ms = expire_ms,
                                  .quota = T.quota};
    CHECK_OK(uploads_open(&config, &T.uploads, &err), err);
}

static void open_with(int64_t upload_bytes, int most)
{
    open_for(DAY, upload_bytes, most);
}

static int set_up(void **state)
{
    (void)state;
    T.scratch = scratch_new();
    T.quota = quota_new(10 * PIECE);
    open_with(8 * PIECE, 4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(uploads_close(T.uploads, 60));
    quota_free(T.quota);
    scratch_free(&T.scratch);
    return 0;
}

static void reopen(void)
{
    assert_true(uploads_close(T.uploads, 60));
    quota_free(T.quota);
    T.quota = quota_new(10 * PIECE);
    open_with(8 * PIECE, 4);
}

/* The i-th piece of a file: its bytes differ from those of all others. */
static const char *piece(int i)
{
    static char bytes[PIECE];
    for (size_t k = 0; k < sizeof bytes; k++)
        bytes[k] = (char)((k * 31 + k / 251 + (size_t)i * 7) & 0xff);
    return bytes;
}

static void digest(int pieces, char text[65])
{
    Sha256 hash = sha256_new();
    for (int i = 0; i < pieces; i++)
        sha256_add(&hash, piece(i), PIECE);
    sha256_hex(&hash, text);
}

static bool replayed;  // the last one

static bool create_as(int64_t length, const char *metadata, const char *key, UploadInfo *info,
                      Error *err)
{
    const UploadRequest request = {length, metadata, key};
    return uploads_create(T.uploads, &request, info, &replayed, err);
}

static UploadInfo create(int64_t length)
{
    UploadInfo info;
    Error err = {0};
    CHECK_OK(create_as(length, "filename YQ==", NULL, &info, &err), err);
    return info;
}

static UploadInfo get(const char *id)
{
    UploadInfo info;
    Error err = {0};
    CHECK_OK(uploads_get(T.uploads, id, &info, &err), err);
    return info;
}

static UploadWriter *append(const char *id, int64_t offset)
{
    UploadWriter *writer;
    Error err = {0};
    CHECK_OK(upload_append(T.uploads, id, offset, &writer, &err), err);
    return writer;
}

static void write_pieces(UploadWriter *writer, int from, int to)
{
    Error err = {0};
    for (int i = from; i < to; i++)
        CHECK_OK(upload_write(writer, piece(i), PIECE, &err), err);
}

static void send_pieces(const char *id, int from, int to)
{
    UploadInfo info;
    Error err = {0};
    UploadWriter *writer = append(id, (int64_t)from * PIECE);
    write_pieces(writer, from, to);
    CHECK_OK(upload_finish(writer, &info, &err), err);
    assert_int_equal(info.offset, (int64_t)to * PIECE);
    assert_false(info.writing);
}

static int file_count(void)
{
    int count = 0;
    DIR *dir = opendir(scratch_path(&T.scratch, "uploads"));
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void goes_on_after_a_restart_and_knows_its_digest(void **state)
{
    char want[65];
    (void)state;
    digest(5, want);
    const UploadInfo made = create(5 * PIECE);
    assert_int_equal(made.offset, 0);
    assert_string_equal(made.sha256, "");
    send_pieces(made.id, 0, 1);
    reopen();
    UploadInfo info = get(made.id);
    assert_int_equal(info.offset, PIECE);
    assert_int_equal(info.length, 5 * PIECE);
    assert_string_equal(info.metadata, "filename YQ==");
    assert_int_equal(info.created_at, made.created_at);
    assert_int_equal(quota_used(T.quota), 5 * PIECE);
    send_pieces(made.id, 1, 3);
    reopen();
    send_pieces(made.id, 3, 5);
    assert_string_equal(get(made.id).sha256, want);
    reopen();
    assert_string_equal(get(made.id).sha256, want);
}

static void one_writer_at_its_place(void **state)
{
    UploadWriter *other;
    UploadInfo info;
    char want[200];
    Error err = {0};
    (void)state;
    const UploadInfo made = create(3 * PIECE);
    UploadWriter *writer = append(made.id, 0);
    assert_true(get(made.id).writing);
    snprintf(want, sizeof want, "another request works on the upload %s", made.id);
    CHECK_REFUSED(upload_append(T.uploads, made.id, 0, &other, &err), err, ERR_CONFLICT, want);
    assert_string_equal(err.reason, "locked");
    CHECK_REFUSED(uploads_delete(T.uploads, made.id, &err), err, ERR_CONFLICT, want);
    write_pieces(writer, 0, 1);
    CHECK_OK(upload_finish(writer, &info, &err), err);
    snprintf(want, sizeof want, "the upload %s stands at 100000, not at 0", made.id);
    CHECK_REFUSED(upload_append(T.uploads, made.id, 0, &other, &err), err, ERR_CONFLICT, want);
    assert_string_equal(err.reason, "offset_mismatch");
    assert_false(get(made.id).writing);
    // More than it may have: what came before is kept.
    writer = append(made.id, PIECE);
    write_pieces(writer, 1, 3);
    assert_false(upload_write(writer, "x", 1, &err));
    assert_string_equal(err.reason, "too_large");
    upload_leave(writer);
    assert_int_equal(get(made.id).offset, 3 * PIECE);
    CHECK_OK(uploads_delete(T.uploads, made.id, &err), err);
    CHECK_REFUSED(upload_append(T.uploads, "up_", 0, &other, &err), err, ERR_NOT_FOUND,
                  "there is no upload up_");
}

static void in_one_go(void **state)
{
    UploadWriter *writer;
    UploadInfo info, found;
    char want[65];
    Error err = {0};
    (void)state;
    for (int known = 0; known < 2; known++) {
        CHECK_OK(upload_start(T.uploads, known ? 2 * PIECE : -1, &writer, &err), err);
        write_pieces(writer, 0, 2);
        UploadInfo *list;
        size_t count;
        uploads_list(T.uploads, &list, &count);
        assert_int_equal(count, known);  // it is not there before it is whole
        free(list);
        CHECK_OK(upload_finish(writer, &info, &err), err);
        digest(2, want);
        assert_string_equal(info.sha256, want);
        assert_int_equal(info.length, 2 * PIECE);
        found = get(info.id);
        assert_int_equal(found.offset, 2 * PIECE);
    }
    assert_int_equal(quota_used(T.quota), 4 * PIECE);
    reopen();
    assert_string_equal(get(info.id).sha256, want);

    // Too short, left, too much for the quota: nothing of it is there.
    CHECK_OK(upload_start(T.uploads, 2 * PIECE, &writer, &err), err);
    write_pieces(writer, 0, 1);
    CHECK_REFUSED(upload_finish(writer, &info, &err), err, ERR_INVALID,
                  "100000 bytes came, and 200000 were to come");
    CHECK_OK(upload_start(T.uploads, -1, &writer, &err), err);
    write_pieces(writer, 0, 1);
    upload_leave(writer);
    CHECK_OK(upload_start(T.uploads, -1, &writer, &err), err);
    write_pieces(writer, 0, 6);
    assert_false(upload_write(writer, piece(6), PIECE, &err));
    assert_int_equal(err.code, ERR_NO_SPACE);
    assert_string_equal(err.reason, "quota_exceeded");
    upload_leave(writer);
    assert_int_equal(file_count(), 4);
    assert_int_equal(quota_used(T.quota), 4 * PIECE);
}

static void is_taken_out_whole(void **state)
{
    UploadInfo info;
    char want[200];
    int64_t bytes;
    Error err = {0};
    (void)state;
    const UploadInfo made = create(2 * PIECE);
    char *path = xasprintf("%s/source", T.scratch.path);
    send_pieces(made.id, 0, 1);
    snprintf(want, sizeof want, "of the upload %s there are 100000 of 200000 bytes", made.id);
    CHECK_REFUSED(uploads_take(T.uploads, made.id, path, &info, &err), err, ERR_CONFLICT, want);
    send_pieces(made.id, 1, 2);
    CHECK_OK(uploads_take(T.uploads, made.id, path, &info, &err), err);
    char of_file[65], of_pieces[65];
    CHECK_OK(file_digest(path, &bytes, of_file, &err), err);
    digest(2, of_pieces);
    assert_string_equal(of_file, of_pieces);
    assert_string_equal(info.sha256, of_pieces);
    assert_int_equal(file_count(), 0);
    assert_int_equal(quota_used(T.quota), 2 * PIECE);  // whoever has it gives it back
    assert_false(uploads_take(T.uploads, made.id, path, &info, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    free(path);
}

static void a_key_makes_one_upload(void **state)
{
    UploadInfo first, again;
    Error err = {0};
    (void)state;
    for (int life = 0; life < 2; life++) {
        CHECK_OK(create_as(PIECE, "a", "once", &again, &err), err);
        assert_int_equal(replayed, life > 0);
        if (life == 0)
            first = again;
        assert_string_equal(again.id, first.id);
        reopen();
    }
    CHECK_OK(create_as(PIECE, "a", "once", &again, &err), err);
    assert_true(replayed);
    CHECK_REFUSED(create_as(PIECE, "b", "once", &again, &err), err, ERR_CONFLICT,
                  "the idempotency key once was used before for another request");
    assert_string_equal(err.reason, "key_reused");
    assert_false(create_as(PIECE + 1, "a", "once", &again, &err));
    CHECK_OK(create_as(PIECE, "a", "twice", &again, &err), err);
    assert_false(replayed);
    assert_string_not_equal(again.id, first.id);
    assert_int_equal(quota_used(T.quota), 2 * PIECE);
    // It goes with the upload.
    CHECK_OK(uploads_delete(T.uploads, first.id, &err), err);
    CHECK_OK(create_as(PIECE, "b", "once", &again, &err), err);
    assert_false(replayed);
}

static void limits(void **state)
{
    UploadInfo info;
    Error err = {0};
    (void)state;
    CHECK_REFUSED(create_as(8 * PIECE + 1, "", NULL, &info, &err), err, ERR_INVALID,
                  "an upload may have 800000 bytes, this one has 800001");
    assert_string_equal(err.reason, "too_large");
    create(8 * PIECE);
    CHECK_REFUSED(create_as(2 * PIECE + 1, "", NULL, &info, &err), err, ERR_NO_SPACE,
                  "data sets and uploads may have 1000000 bytes together and have 800000: there is "
                  "no room for 200001 more");
    for (int i = 0; i < 3; i++)
        create(1);
    CHECK_REFUSED(create_as(1, "", NULL, &info, &err), err, ERR_CONFLICT,
                  "there are 4 uploads, the most that may be: finish or delete one");
    assert_int_equal(quota_used(T.quota), 8 * PIECE + 3);
    assert_int_equal(file_count(), 8);
}

/* ---- Clocks ---- */

static bool is_there(const char *id)
{
    UploadInfo info;
    Error err = {0};
    return uploads_get(T.uploads, id, &info, &err);
}

/* Only time that passes makes an upload expire: not a clock that somebody sets to tomorrow. */
static void a_clock_that_is_set_forward_takes_nothing(void **state)
{
    enum { MOMENT = 400, LATER = 1000 };
    (void)state;
    const int64_t start = (int64_t)(1000 * clock_seconds());
    assert_true(uploads_close(T.uploads, 60));
    clocks_hold_monotonic(start);
    open_for(MOMENT, 8 * PIECE, 4);
    const UploadInfo old = create(PIECE);
    clocks_hold_monotonic(start + LATER);
    const UploadInfo fresh = create(PIECE);
    clocks_shift_wall(24 * HOUR_MS);
    while (is_there(old.id))
        usleep(10000);
    assert_true(uploads_close(T.uploads, 60));  // who looks for old ones has looked at all
    clocks_hold_monotonic(0);
    clocks_shift_wall(0);
    open_with(8 * PIECE, 4);
    assert_true(is_there(fresh.id));
}

/* Upload files tell by the time of day when their last byte came, and it may have been wrong. */
static void after_a_start_there_is_time_to_go_on(void **state)
{
    static const int64_t SHIFTS[] = {48 * HOUR_MS, -48 * HOUR_MS};
    (void)state;
    const UploadInfo upload = create(2 * PIECE);
    send_pieces(upload.id, 0, 1);
    for (size_t i = 0; i < COUNT(SHIFTS); i++) {
        clocks_shift_wall(SHIFTS[i]);
        reopen();
        reopen();  // by its end, one has looked for what has expired
        const int64_t left = get(upload.id).expires_at - time_now_ms();
        assert_in_range(left, HOUR_MS / 12, SHIFTS[i] > 0 ? HOUR_MS / 6 : DAY);
    }
    clocks_shift_wall(0);
    send_pieces(upload.id, 1, 2);
}

#ifndef WITHOUT_FAULTS
enum { PIECES = 4 };

/* The id of the only one, valid until the next call. */
static const char *only_one(void)
{
    static char id[UPLOAD_ID];
    UploadInfo *list;
    size_t count;
    uploads_list(T.uploads, &list, &count);
    assert_int_equal(count, 1);
    memcpy(id, list[0].id, sizeof id);
    free(list);
    return id;
}

static int64_t size_of(const char *id)
{
    struct stat file;
    char *path = xasprintf("%s/uploads/%s", T.scratch.path, id);
    assert_int_equal(stat(path, &file), 0);
    free(path);
    return (int64_t)file.st_size;
}

/* As a client does it: from where the upload stands. */
static void send_the_rest(UploadInfo *info)
{
    Error err = {0};
    UploadWriter *writer = append(info->id, info->offset);
    bool ok = true;
    for (int i = (int)(info->offset / PIECE); ok && i < PIECES; i++) {
        const int64_t from = (int64_t)i * PIECE;
        const size_t skip = info->offset > from ? (size_t)(info->offset - from) : 0;
        ok = upload_write(writer, piece(i) + skip, PIECE - skip, &err);
    }
    if (ok)
        upload_finish(writer, info, &err);
    else
        upload_leave(writer);
    *info = get(info->id);
    assert_int_equal(size_of(info->id), info->offset);
}

/* After any failed call the offset is what is on disk, and the client goes on to the same bytes. */
static void survives(const char *fault, const char *want)
{
    UploadInfo info;
    Error err = {0};
    fault_plan(fault);
    if (!create_as(PIECES * PIECE, "", NULL, &info, &err)) {
        assert_int_equal(file_count(), 0);
        assert_int_equal(quota_used(T.quota), 0);
        CHECK_OK(create_as(PIECES * PIECE, "", NULL, &info, &err), err);
    }
    for (int rounds = 0; info.offset < info.length; rounds++) {
        assert_true(rounds < 3);
        send_the_rest(&info);
    }
    assert_string_equal(info.sha256, want);
}

/* What was cut off is no part of the digest: the client may send something else. */
static void what_was_cut_off_is_forgotten(void **state)
{
    UploadInfo info;
    Error err = {0};
    char want[65];
    (void)state;
    const UploadInfo made = create(2 * PIECE);
    UploadWriter *writer = append(made.id, 0);
    write_pieces(writer, 2, 4);
    fault_plan("fsync:uploads:1:1:EIO");
    assert_false(upload_finish(writer, &info, &err));
    assert_int_equal(info.offset, 0);
    fault_plan(NULL);
    send_pieces(made.id, 0, 2);
    digest(2, want);
    assert_string_equal(get(made.id).sha256, want);
}

static void a_failing_disk_loses_nothing(void **state)
{
    static const struct {
        const char *call, *action;
    } FAULTS[] = {
        {"write", "ENOSPC"}, {"write", "EIO"},  {"fsync", "EIO"},
        {"fsync", "ENOSPC"}, {"rename", "EIO"},
    };
    char want[65], fault[80];
    (void)state;
    digest(PIECES, want);
    for (size_t f = 0; f < COUNT(FAULTS); f++) {
        int hits = 1;
        for (int n = 1; n <= hits; n++) {
            Error err = {0};
            snprintf(fault, sizeof fault, "%s:uploads:%d:1:%s", FAULTS[f].call, n,
                     FAULTS[f].action);
            survives(fault, want);
            hits = fault_hits();
            assert_true(n > 1 || hits >= 1);
            fault_plan(NULL);
            CHECK_OK(uploads_delete(T.uploads, only_one(), &err), err);
            assert_int_equal(file_count(), 0);
        }
    }
}

#endif

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_on_after_a_restart_and_knows_its_digest, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_writer_at_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_one_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_taken_out_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_makes_one_upload, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_is_set_forward_takes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(after_a_start_there_is_time_to_go_on, set_up, tear_down),
#ifndef WITHOUT_FAULTS
        cmocka_unit_test_setup_teardown(what_was_cut_off_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failing_disk_loses_nothing, set_up, tear_down),
#endif
    };
    return RUN_TESTS(tests);
}
