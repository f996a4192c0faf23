/* tests/server/store/test_store_models.c -- the rows of models, their versions and aliases. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/store/store_models.h"
#include "tests/check.h"
#include "tests/server/store/store_fixture.h"

static void begin(StoreFixture *f)
{
    CHECK_OK(store_begin(f->store, &f->err), f->err);
}

static void commit(StoreFixture *f)
{
    CHECK_OK(store_commit(f->store, &f->err), f->err);
}

static int64_t add_model(StoreFixture *f, const char *name)
{
    ModelRow model = {.metadata = "{\"who\":\"me\"}", .created_at = 5, .updated_at = 6};
    snprintf(model.name, sizeof model.name, "%s", name);
    begin(f);
    CHECK_OK(store_add_model(f->store, &model, &f->err), f->err);
    commit(f);
    return model.id;
}

/* No two fields are alike. */
static VersionRow full_version(int64_t model_id, int64_t number)
{
    return (VersionRow){
        .model_id = model_id,
        .version = number,
        .source = {.kind = "job", .job_id = 3, .step = 4690},
        .bytes = 1234,
        .sha256 = "abcd",
        .network = "googlenet",
        .channels = 1,
        .image_size = 96,
        .classes = 10,
        .normalization = "{\"mean\":[0.28],\"std\":[0.35]}",
        .class_names = "[\"a\"]",
        .image = "{\"size\":96}",
        .dataset = {.id = 8, .name = "shirts", .digest = "sha256:x"},
        .metrics = "{\"epoch\":2}",
        .settings = "{\"epochs\":9}",
        .environment = "{\"threads\":2}",
        .evaluation = "null",
        .created_at = 77,
    };
}

static int64_t add_version(StoreFixture *f, int64_t model_id, int64_t number)
{
    VersionRow version = full_version(model_id, number);
    begin(f);
    CHECK_OK(store_add_version(f->store, &version, &f->err), f->err);
    commit(f);
    return version.id;
}

static void rows_come_back_as_they_were(void **state)
{
    StoreFixture *f = *state;
    ModelRow model;
    VersionRow got;
    const int64_t id = add_model(f, "shirts");
    const VersionRow want = full_version(id, 2);
    add_version(f, id, 2);
    store_reopen(f);
    CHECK_OK(store_model_named(f->store, "shirts", &model, &f->err), f->err);
    assert_int_equal(model.id, id);
    assert_string_equal(model.metadata, "{\"who\":\"me\"}");
    assert_int_equal(model.created_at, 5);
    assert_int_equal(model.updated_at, 6);
    CHECK_OK(store_version(f->store, id, 2, &got, &f->err), f->err);
    assert_string_equal(got.source.kind, "job");
    assert_int_equal(got.source.job_id, 3);
    assert_int_equal(got.source.step, 4690);
    assert_int_equal(got.bytes, 1234);
    assert_string_equal(got.sha256, "abcd");
    assert_string_equal(got.network, "googlenet");
    assert_int_equal(got.channels, 1);
    assert_int_equal(got.image_size, 96);
    assert_int_equal(got.classes, 10);
    assert_string_equal(got.normalization, want.normalization);
    assert_string_equal(got.class_names, want.class_names);
    assert_string_equal(got.image, want.image);
    assert_int_equal(got.dataset.id, 8);
    assert_string_equal(got.dataset.name, "shirts");
    assert_string_equal(got.dataset.digest, "sha256:x");
    assert_string_equal(got.metrics, want.metrics);
    assert_string_equal(got.settings, want.settings);
    assert_string_equal(got.environment, want.environment);
    assert_string_equal(got.evaluation, "null");
    assert_int_equal(got.missing, 0);
    assert_int_equal(got.created_at, 77);
    version_row_free(&got);
    model_row_free(&model);
}

static void a_name_is_given_once_at_a_time_and_an_id_once(void **state)
{
    StoreFixture *f = *state;
    const int64_t first = add_model(f, "shirts");
    ModelRow again = {.name = "shirts", .metadata = "{}"};
    begin(f);
    CHECK_REFUSED(store_add_model(f->store, &again, &f->err), f->err, ERR_CONFLICT,
                  "there is a model shirts already");
    assert_string_equal(f->err.reason, "name_taken");
    CHECK_OK(store_remove_model(f->store, first, &f->err), f->err);
    commit(f);
    assert_true(add_model(f, "shirts") > first);
}

static void versions_are_listed_from_the_newest(void **state)
{
    StoreFixture *f = *state;
    VersionList list;
    const int64_t one = add_model(f, "one"), two = add_model(f, "two");
    add_version(f, one, 1);
    add_version(f, two, 1);
    add_version(f, one, 2);
    CHECK_OK(store_versions(f->store, one, &list, &f->err), f->err);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].version, 2);
    assert_int_equal(list.items[1].version, 1);
    version_list_free(&list);
    CHECK_OK(store_all_versions(f->store, &list, &f->err), f->err);
    assert_int_equal(list.count, 3);
    version_list_free(&list);
}

static void put_alias(StoreFixture *f, int64_t model, const char *name, int64_t version)
{
    AliasRow alias = {.version = version};
    snprintf(alias.alias, sizeof alias.alias, "%s", name);
    begin(f);
    CHECK_OK(store_put_alias(f->store, model, &alias, &f->err), f->err);
    commit(f);
}

static void aliases_are_put_moved_and_taken_away(void **state)
{
    StoreFixture *f = *state;
    AliasList list;
    char alias[MODEL_ALIAS];
    const int64_t id = add_model(f, "shirts"), other = add_model(f, "other");
    put_alias(f, id, "production", 1);
    put_alias(f, id, "a", 1);
    put_alias(f, other, "a", 7);
    put_alias(f, id, "production", 2);
    CHECK_OK(store_aliases(f->store, id, &list, &f->err), f->err);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].alias, "a");
    assert_int_equal(list.items[0].version, 1);
    assert_string_equal(list.items[1].alias, "production");
    assert_int_equal(list.items[1].version, 2);
    alias_list_free(&list);
    put_alias(f, id, "a", 0);
    begin(f);
    CHECK_OK(store_version_alias(f->store, id, 1, alias, &f->err), f->err);
    assert_string_equal(alias, "");
    CHECK_OK(store_version_alias(f->store, id, 2, alias, &f->err), f->err);
    assert_string_equal(alias, "production");
    commit(f);
    CHECK_OK(store_aliases(f->store, other, &list, &f->err), f->err);
    assert_int_equal(list.count, 1);
    alias_list_free(&list);
}

static void removals_are_remembered_until_the_files_are_gone(void **state)
{
    StoreFixture *f = *state;
    ModelRemovalList list;
    const int64_t id = add_model(f, "shirts");
    const int64_t row = add_version(f, id, 1);
    add_version(f, id, 2);
    begin(f);
    CHECK_OK(store_add_key(f->store, KEY_OF_VERSION, (RequestKey){"key", "POST"}, row, &f->err),
             f->err);
    CHECK_OK(store_remove_version(f->store, id, 1, &f->err), f->err);
    commit(f);
    store_reopen(f);
    CHECK_OK(store_model_removals(f->store, &list, &f->err), f->err);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].version, 1);
    model_removal_list_free(&list);

    int64_t found = -1;
    begin(f);
    CHECK_OK(store_find_key(f->store, KEY_OF_VERSION, (RequestKey){"key", "POST"}, &found, &f->err),
             f->err);
    assert_int_equal(found, 0);
    CHECK_OK(store_remove_model(f->store, id, &f->err), f->err);
    commit(f);
    CHECK_OK(store_model_removals(f->store, &list, &f->err), f->err);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].version, 0);
    begin(f);
    CHECK_OK(store_model_removed(f->store, &list.items[0], &f->err), f->err);
    commit(f);
    model_removal_list_free(&list);
    CHECK_OK(store_model_removals(f->store, &list, &f->err), f->err);
    assert_int_equal(list.count, 0);
    model_removal_list_free(&list);
}

/* Data sets and models tell among the events of the jobs. */
static void events_of_models_are_nobody_elses(void **state)
{
    StoreFixture *f = *state;
    EventList list;
    const int64_t id = add_model(f, "shirts");
    Event event = {.time = 1, .type = "model", .data = "{}"};
    begin(f);
    CHECK_OK(store_tell_model(f->store, id, &event, &f->err), f->err);
    commit(f);
    CHECK_OK(store_events(f->store, (SeriesPage){0}, &list, &f->err), f->err);
    assert_int_equal(list.count, 1);
    assert_true(list.items[0].job_id < -1000);
    event_list_free(&list);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(rows_come_back_as_they_were),
        CASE(a_name_is_given_once_at_a_time_and_an_id_once),
        CASE(versions_are_listed_from_the_newest),
        CASE(aliases_are_put_moved_and_taken_away),
        CASE(removals_are_remembered_until_the_files_are_gone),
        CASE(events_of_models_are_nobody_elses),
    };
    return RUN_TESTS(tests);
}
