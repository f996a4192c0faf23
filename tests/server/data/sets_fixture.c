#include "tests/server/data/sets_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/data/dataset_files.h"
#include "tests/check.h"

void sets_open(SetsFixture *f)
{
    const char *data = f->scratch.path;
    const JobsConfig jobs = {.data = data, .max_jobs = 10, .retry_ms = f->retry_ms};
    CHECK_OK(jobs_open(&jobs, &f->jobs, &f->err), f->err);
    f->quota = quota_new(f->limit);
    const UploadsConfig uploads = {
        .data = data, .upload_bytes = 1 << 20, .most = 10, .expire_ms = 1 << 30, .quota = f->quota};
    CHECK_OK(uploads_open(&uploads, &f->uploads, &f->err), f->err);
    const DatasetsConfig sets = {.data = data,
                                 .imports = "/usr/share",
                                 .max_sets = 4,
                                 .jobs = f->jobs,
                                 .uploads = f->uploads,
                                 .quota = f->quota};
    CHECK_OK(datasets_open(&sets, &f->sets, &f->err), f->err);
}

void sets_close(SetsFixture *f)
{
    datasets_close(f->sets);
    assert_true(uploads_close(f->uploads, 60));
    quota_free(f->quota);
    jobs_close(f->jobs);
}

void sets_reopen(SetsFixture *f)
{
    sets_close(f);
    sets_open(f);
}

int sets_set_up(void **state)
{
    SetsFixture *f = xcalloc(1, sizeof *f);
    f->scratch = scratch_new();
    sets_open(f);
    *state = f;
    return 0;
}

int sets_tear_down(void **state)
{
    SetsFixture *f = *state;
    sets_close(f);
    scratch_free(&f->scratch);
    free(f);
    return 0;
}

int64_t sets_add(SetsFixture *f, const char *name, const char *kind, const char *what)
{
    DatasetRow set = {.image = {3, 8, "crop", "bilinear"}, .test_share = 0.2};
    snprintf(set.name, sizeof set.name, "%s", name);
    snprintf(set.source.kind, sizeof set.source.kind, "%s", kind);
    snprintf(set.source.what, sizeof set.source.what, "%s", what);
    bool replayed = true;
    CHECK_OK(datasets_create(f->sets, (RequestKey){0}, &set, &replayed, &f->err), f->err);
    assert_false(replayed);
    dataset_row_free(&set);
    return set.id;
}

DatasetRow sets_row(SetsFixture *f, int64_t id)
{
    DatasetRow set;
    CHECK_OK(datasets_get(f->sets, id, &set, &f->err), f->err);
    dataset_row_free(&set);  // the texts are of no interest
    return set;
}

DatasetStatus sets_status(SetsFixture *f, int64_t id)
{
    return sets_row(f, id).status;
}

void sets_take(SetsFixture *f, int64_t id)
{
    DatasetRow set;
    assert_true(datasets_take(f->sets, &set));
    assert_int_equal(set.id, id);
    dataset_row_free(&set);
}

void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void sets_write_pixels(SetsFixture *f, int64_t id)
{
    Path path = dataset_pixels_path(f->scratch.path, id);
    char bytes[101];
    CHECK_OK(dataset_folder_make(f->scratch.path, id, &f->err), f->err);
    CHECK_OK(folder_make(path.text, &f->err), f->err);
    memset(bytes, 'x', 100);
    bytes[100] = '\0';
    strcat(path.text, "/train.pixels");
    put_file(path.text, bytes);
}

void sets_finish(SetsFixture *f, int64_t id, bool ready, const char *code)
{
    DatasetOutcome outcome = {.ready = ready,
                              .class_count = 2,
                              .train_count = 5,
                              .test_count = 1,
                              .classes = "[]",
                              .warnings = "[]",
                              .digest = "abc"};
    snprintf(outcome.code, sizeof outcome.code, "%s", code);
    snprintf(outcome.message, sizeof outcome.message, "because of %s", code);
    if (ready)
        sets_write_pixels(f, id);
    datasets_finish(f->sets, &outcome);
}

int64_t sets_add_ready(SetsFixture *f, const char *name)
{
    const int64_t id = sets_add(f, name, "folder", "doc");
    sets_take(f, id);
    sets_finish(f, id, true, "");
    assert_int_equal(sets_status(f, id), DATASET_READY);
    return id;
}

void sets_add_upload(SetsFixture *f, char id[UPLOAD_ID])
{
    UploadWriter *writer;
    UploadInfo info;
    CHECK_OK(upload_start(f->uploads, 10, &writer, &f->err), f->err);
    CHECK_OK(upload_write(writer, "0123456789", 10, &f->err), f->err);
    CHECK_OK(upload_finish(writer, &info, &f->err), f->err);
    memcpy(id, info.id, UPLOAD_ID);
}

bool is_there(Path path)
{
    return access(path.text, F_OK) == 0;
}

void check_refused(SetsFixture *f, bool answer, const char *reason)
{
    assert_false(answer);
    assert_int_equal(f->err.code, ERR_CONFLICT);
    assert_string_equal(f->err.reason, reason);
}

int64_t sets_add_lost(SetsFixture *f, const char *name)
{
    char upload[UPLOAD_ID];
    UploadWriter *writer;
    UploadInfo info;
    sets_add_upload(f, upload);
    CHECK_OK(upload_append(f->uploads, upload, 10, &writer, &f->err), f->err);
    const int64_t id = sets_add(f, name, "upload", upload);
    CHECK_OK(upload_finish(writer, &info, &f->err), f->err);
    CHECK_OK(uploads_delete(f->uploads, upload, &f->err), f->err);
    return id;
}
