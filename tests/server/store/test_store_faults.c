/* tests/server/store/test_store_faults.c -- full disks, foreign files, damage, locks: each has its
 * sentence, and what was stored stays. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/store.h"
#include "tests/check.h"
#include "tests/server/scratch.h"

static void write_file(const char *path, const char *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void overwrite(const char *path, long at, const char *bytes, size_t count)
{
    const int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, count, at), (ssize_t)count);
    close(fd);
}

static JobInfo small_job(const char *settings)
{
    return (JobInfo){.settings = xstrdup(settings), .metadata = xstrdup("{}")};
}

static bool add(Store *store, const char *settings, Error *err)
{
    JobInfo job = small_job(settings);
    bool ok = store_begin(store, err);
    if (ok) {
        ok = store_add_job(store, &job, err);
        if (ok)
            ok = store_commit(store, err);
        else
            store_rollback(store);
    }
    job_info_free(&job);
    return ok;
}

/* Write one row that is there. */
static bool touch(Store *store, int64_t id, Error *err)
{
    JobInfo job = {0};
    if (!store_begin(store, err))
        return false;
    const bool ok = store_load_job(store, id, &job, err) && store_save_job(store, &job, err);
    job_info_free(&job);
    if (ok)
        return store_commit(store, err);
    store_rollback(store);
    return false;
}

static void check_starts(const Error *err, ErrorCode code, const char *start)
{
    if (err->code != code || strncmp(err->message, start, strlen(start)) != 0)
        fail_msg("code %d, message \"%s\", want \"%s...\"", err->code, err->message, start);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    Scratch scratch = scratch_new();
    Store *store;
    Error err = {0};
    const char *text = scratch_path(&scratch, "text.db");
    write_file(text, "This is not a database at all, but a text that is long enough.\n", 63);
    assert_false(store_open(text, &store, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_non_null(strstr(err.message, "is not a database"));
    assert_null(store);
    char bytes[64] = "";
    FILE *file = fopen(text, "rb");
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), 63);
    fclose(file);
    assert_string_equal(bytes, "This is not a database at all, but a text that is long enough.\n");

    assert_false(store_open(scratch_path(&scratch, "none/store.db"), &store, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, "cannot be opened: No such file or directory"));
    scratch_free(&scratch);
}

/* Bytes 60 to 63 of the file are the user version, 68 to 71 the application's mark. */
static void newer_and_foreign_databases_are_refused(void **state)
{
    (void)state;
    Scratch scratch = scratch_new();
    const char *path = scratch_path(&scratch, "store.db");
    Store *store;
    Error err = {0};
    CHECK_OK(store_open(path, &store, &err), err);
    store_close(store);
    overwrite(path, 60, "\0\0\3\350", 4);
    assert_false(store_open(path, &store, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_non_null(strstr(err.message, "has schema version 1000"));

    overwrite(path, 68, "\0\0\0\1", 4);
    char want[2 * PATH_MAX];
    snprintf(want, sizeof want, "%s is a database of another program", path);
    CHECK_REFUSED(store_open(path, &store, &err), err, ERR_INVALID, want);
    scratch_free(&scratch);
}

static void read_file(const char *path, char **bytes, size_t *count)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    *bytes = xcalloc(1 << 20, 1);
    *count = fread(*bytes, 1, 1 << 20, file);
    fclose(file);
}

/* Another program's database is refused before a byte of it, or beside it, is changed: in either
 * journal mode, with a mark of its own or with none. */
static void a_foreign_database_is_left_as_it_is(void **state)
{
    (void)state;
    static const char *const MADE_BY[] = {
        "CREATE TABLE t (a);",
        "PRAGMA application_id = 7; CREATE TABLE t (a);",
        "PRAGMA journal_mode = WAL; CREATE TABLE t (a);",
        "PRAGMA application_id = 7;",
    };
    for (size_t i = 0; i < COUNT(MADE_BY); i++) {
        Scratch scratch = scratch_new();
        const char *path = scratch_path(&scratch, "a%20b?#.db");
        sqlite3 *other;
        assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, MADE_BY[i], NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(other), SQLITE_OK);
        assert_int_equal(chmod(path, 0640), 0);
        char *before, *after, want[2 * PATH_MAX];
        size_t size_before, size_after;
        read_file(path, &before, &size_before);
        Store *store;
        Error err = {0};
        snprintf(want, sizeof want, "%s is a database of another program", path);
        CHECK_REFUSED(store_open(path, &store, &err), err, ERR_INVALID, want);
        read_file(path, &after, &size_after);
        assert_int_equal(size_after, size_before);
        assert_memory_equal(after, before, size_before);
        assert_int_not_equal(access(scratch_path(&scratch, "a%20b?#.db-wal"), F_OK), 0);
        assert_int_not_equal(access(scratch_path(&scratch, "a%20b?#.db-shm"), F_OK), 0);
        free(before);
        free(after);
        scratch_free(&scratch);
    }
}

static void the_files_are_not_for_others(void **state)
{
    (void)state;
    Scratch scratch = scratch_new();
    const char *path = scratch_path(&scratch, "store.db");
    const mode_t mask = umask(0);
    Store *store;
    Error err = {0};
    for (int i = 0; i < 2; i++) {
        CHECK_OK(store_open(path, &store, &err), err);
        CHECK_OK(add(store, "{}", &err), err);
        static const char *const FILES[] = {"store.db", "store.db-wal", "store.db-shm"};
        for (size_t k = 0; k < COUNT(FILES); k++) {
            struct stat info;
            assert_int_equal(stat(scratch_path(&scratch, FILES[k]), &info), 0);
            assert_int_equal(info.st_mode & 07777, 0640);
        }
        store_close(store);
        assert_int_equal(chmod(path, 0666), 0);  // as another program left it
    }
    umask(mask);
    // Nor is somebody else's file written to through a link.
    assert_int_equal(symlink(path, scratch_path(&scratch, "link.db")), 0);
    assert_false(store_open(scratch_path(&scratch, "link.db"), &store, &err));
    assert_int_equal(err.code, ERR_IO);
    scratch_free(&scratch);
}

static void damage_is_found_at_the_start(void **state)
{
    (void)state;
    Scratch scratch = scratch_new();
    const char *path = scratch_path(&scratch, "store.db");
    Store *store;
    Error err = {0};
    CHECK_OK(store_open(path, &store, &err), err);
    CHECK_OK(add(store, "{}", &err), err);
    store_close(store);
    char noise[4096];
    memset(noise, 0xa5, sizeof noise);
    overwrite(path, 4096, noise, sizeof noise);  // the second page
    assert_false(store_open(path, &store, &err));
    assert_int_equal(err.code, ERR_DAMAGED);
    assert_non_null(strstr(err.message, "is damaged"));
    assert_non_null(strstr(err.message, "restore it from a backup"));
    scratch_free(&scratch);
}

static void a_store_in_health_says_so(void **state)
{
    (void)state;
    Scratch scratch = scratch_new();
    Store *store;
    Error err = {0};
    CHECK_OK(store_open(scratch_path(&scratch, "store.db"), &store, &err), err);
    CHECK_OK(store_probe(store, &err), err);
    CHECK_OK(store_probe(store, &err), err);
    store_close(store);
    scratch_free(&scratch);
}

/* A file system of 1 MiB fills up; once there is room again, everything works and nothing that was
 * committed is missing. */
static void a_full_disk_is_survived(void **state)
{
    (void)state;
    Scratch scratch = scratch_new();
    if (mount("tmpfs", scratch.path, "tmpfs", 0, "size=1m") != 0) {
        scratch_free(&scratch);
        skip();
    }
    Store *store;
    Error err = {0};
    CHECK_OK(store_open(scratch_path(&scratch, "store.db"), &store, &err), err);
    write_file(scratch_path(&scratch, "ballast"), (char[65536]){0}, 65536);
    char *settings = xcalloc(1, 20001);
    memset(settings, ' ', 20000);
    int stored = 0;
    while (add(store, settings, &err))
        stored++;
    check_starts(&err, ERR_NO_SPACE, "the disk is full: the store ");
    assert_true(stored > 3);
    // The last bytes of the log: each of these writes one page, as the check does.
    while (touch(store, 1, &err))
        ;
    Error check = {0};
    assert_false(store_probe(store, &check));
    check_starts(&check, ERR_NO_SPACE, "the disk is full: the store ");

    assert_int_equal(unlink(scratch_path(&scratch, "ballast")), 0);
    CHECK_OK(add(store, "{}", &err), err);
    store_close(store);
    CHECK_OK(store_open(scratch_path(&scratch, "store.db"), &store, &err), err);
    int64_t by_status[JOB_STATUSES];
    CHECK_OK(store_count(store, by_status, &err), err);
    assert_int_equal(by_status[JOB_QUEUED], stored + 1);
    store_close(store);
    free(settings);
    assert_int_equal(umount(scratch.path), 0);
    scratch_free(&scratch);
}

/* A database that exists, in a file system that has become read-only since. */
static void a_read_only_folder_is_told(void **state)
{
    (void)state;
    Scratch scratch = scratch_new();
    if (mount("tmpfs", scratch.path, "tmpfs", 0, "size=1m") != 0) {
        scratch_free(&scratch);
        skip();
    }
    Store *store;
    Error err = {0};
    const char *path = scratch_path(&scratch, "store.db");
    CHECK_OK(store_open(path, &store, &err), err);
    store_close(store);
    assert_int_equal(mount(NULL, scratch.path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    char want[2 * PATH_MAX];
    snprintf(want, sizeof want, "the store %s is read-only: Read-only file system", path);
    CHECK_REFUSED(store_open(path, &store, &err), err, ERR_IO, want);
    assert_null(store);
    assert_int_equal(mount(NULL, scratch.path, NULL, MS_REMOUNT, NULL), 0);
    CHECK_OK(store_open(path, &store, &err), err);
    store_close(store);
    assert_int_equal(umount(scratch.path), 0);
    scratch_free(&scratch);
}

/* Somebody else's transaction is waited for, but not for ever; readers do not wait for it. */
static void a_locked_database_is_told_and_readers_go_on(void **state)
{
    (void)state;
    Scratch scratch = scratch_new();
    const char *path = scratch_path(&scratch, "store.db");
    Store *store;
    Error err = {0};
    CHECK_OK(store_open(path, &store, &err), err);
    CHECK_OK(add(store, "{}", &err), err);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);

    char want[2 * PATH_MAX];
    snprintf(want, sizeof want, "the store %s is locked by another program", path);
    CHECK_REFUSED(store_probe(store, &err), err, ERR_IO, want);
    JobInfo job;
    CHECK_OK(store_job(store, 1, &job, &err), err);
    job_info_free(&job);

    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    CHECK_OK(add(store, "{}", &err), err);
    store_close(store);
    scratch_free(&scratch);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(newer_and_foreign_databases_are_refused),
        cmocka_unit_test(a_foreign_database_is_left_as_it_is),
        cmocka_unit_test(the_files_are_not_for_others),
        cmocka_unit_test(damage_is_found_at_the_start),
        cmocka_unit_test(a_store_in_health_says_so),
        cmocka_unit_test(a_full_disk_is_survived),
        cmocka_unit_test(a_read_only_folder_is_told),
        cmocka_unit_test(a_locked_database_is_told_and_readers_go_on),
    };
    return RUN_TESTS(tests);
}
