/* The schema, as the steps that led to it. A step that has been released is never changed: a new
 * one is appended. PRAGMA user_version counts the steps that a database has seen. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/store/store_sql.h"

// clang-format off
static const char *const STEPS[] = {
    "CREATE TABLE jobs ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"  // ids are never used again
    "  name TEXT NOT NULL,"
    "  state TEXT NOT NULL CHECK (state IN"
    "    ('queued', 'running', 'stopping', 'stopped', 'succeeded', 'failed')),"
    "  stop_reason TEXT NOT NULL,"
    "  created_at INTEGER NOT NULL, queued_at INTEGER NOT NULL,"
    "  started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,"
    "  settings TEXT NOT NULL, metadata TEXT NOT NULL,"
    "  parent_id INTEGER NOT NULL,"            // a parent may be deleted before its children
    "  restart_count INTEGER NOT NULL, idle_restarts INTEGER NOT NULL,"
    "  step INTEGER NOT NULL, total_steps INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    "  epoch_position REAL, examples_per_second REAL, train_seconds REAL,"
    "  latest_step INTEGER NOT NULL, latest_loss REAL, latest_accuracy REAL,"
    "  latest_learning_rate REAL, latest_epoch INTEGER NOT NULL, latest_test_loss REAL,"
    "  latest_test_accuracy REAL,"
    "  best_epoch INTEGER NOT NULL, best_test_accuracy REAL, best_step INTEGER NOT NULL,"
    "  cpu_isa TEXT NOT NULL, threads INTEGER NOT NULL, onednn TEXT NOT NULL,"
    "  version TEXT NOT NULL,"
    "  error_code TEXT NOT NULL, error_message TEXT NOT NULL);"
    "CREATE INDEX jobs_by_state ON jobs (state, queued_at, id);"

    "CREATE TABLE epochs ("
    "  job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,"
    "  epoch INTEGER NOT NULL, step INTEGER NOT NULL,"
    "  train_loss REAL, train_accuracy REAL,"
    "  test_loss REAL, test_accuracy REAL, test_top5_accuracy REAL,"
    "  learning_rate REAL, examples_per_second REAL, duration_seconds REAL,"
    "  PRIMARY KEY (job_id, epoch)) WITHOUT ROWID;"

    "CREATE TABLE points ("
    "  job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,"
    "  step INTEGER NOT NULL,"
    "  epoch REAL, loss REAL, accuracy REAL, learning_rate REAL,"
    "  PRIMARY KEY (job_id, step)) WITHOUT ROWID;"

    "CREATE TABLE checkpoints ("
    "  job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,"
    "  step INTEGER NOT NULL, epoch INTEGER NOT NULL, created_at INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, test_accuracy REAL,"
    "  PRIMARY KEY (job_id, step)) WITHOUT ROWID;"

    // No reference to jobs: that a job was deleted is told after it has gone.
    "CREATE TABLE events ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  job_id INTEGER NOT NULL, time INTEGER NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL);"
    "CREATE INDEX events_by_job ON events (job_id, id);"

    // A key lives as long as its job.
    "CREATE TABLE idempotency_keys ("
    "  key TEXT PRIMARY KEY,"
    "  request TEXT NOT NULL,"
    "  job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE) WITHOUT ROWID;"
    "CREATE INDEX keys_by_job ON idempotency_keys (job_id);"

    // One row that is written to see whether writing works.
    "CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL);"
    "INSERT INTO probe VALUES (1, 0);",

    // Trained in all until then; NULL in points that are older than this column.
    "ALTER TABLE points ADD COLUMN seconds REAL;",

    // Readers of events that come back are judged by these: see Life in rows.h.
    "CREATE TABLE lives (id TEXT PRIMARY KEY, after_event INTEGER NOT NULL);"
    "CREATE TABLE replay (id INTEGER PRIMARY KEY CHECK (id = 1), oldest_event INTEGER NOT NULL);"
    "INSERT INTO replay VALUES (1, 1);",

    // The words of the API: a job has a status and trains a network. All texts were written by this
    // program, with these keys first.
    "ALTER TABLE jobs RENAME COLUMN state TO status;"
    "DROP INDEX jobs_by_state;"
    "CREATE INDEX jobs_by_status ON jobs (status, queued_at, id);"
    "UPDATE jobs SET settings = '{\"network\":' || substr(settings, length('{\"model\":') + 1)"
    "  WHERE settings LIKE '{\"model\":%';"
    "UPDATE events SET type = 'status' WHERE type = 'state';"
    "UPDATE events SET data = '{\"status\":' || substr(data, length('{\"state\":') + 1)"
    "  WHERE type IN ('created', 'status') AND data LIKE '{\"state\":%';",

    // A key stands for method, path and the hash of the body; before, for path and settings as they
    // were resolved, which later defaults change. Of those, method and path are kept.
    "UPDATE idempotency_keys SET request = 'POST ' || substr(request, 1, instr(request, ' ') - 1);",

    // What a deletion has still to do (store_removals.c), and the kernels that a job computed with:
    // large texts, and read only when the job runs.
    "CREATE TABLE removals (job_id INTEGER NOT NULL, step INTEGER NOT NULL,"
    "  PRIMARY KEY (job_id, step)) WITHOUT ROWID;"
    "CREATE TABLE job_kernels (job_id INTEGER PRIMARY KEY, kernels TEXT NOT NULL);"
    "CREATE INDEX events_deleted ON events (id) WHERE type = 'deleted';",

    // The name of the CPU that a job ran on; '' where it was not recorded yet.
    "ALTER TABLE jobs ADD COLUMN cpu TEXT NOT NULL DEFAULT '';",

    // Figures on examples that are held out to choose by; NULL without. A checkpoint without figures
    // had -1.
    "ALTER TABLE epochs ADD COLUMN validation_loss REAL;"
    "ALTER TABLE epochs ADD COLUMN validation_accuracy REAL;"
    "ALTER TABLE jobs ADD COLUMN latest_validation_loss REAL;"
    "ALTER TABLE jobs ADD COLUMN latest_validation_accuracy REAL;"
    "ALTER TABLE jobs ADD COLUMN best_validation_accuracy REAL;"
    "ALTER TABLE checkpoints ADD COLUMN validation_accuracy REAL;"
    "UPDATE checkpoints SET test_accuracy = NULL WHERE test_accuracy < 0;",

    // Data sets that people bring. A job remembers the name and the digest of its own, which may be
    // gone; before this step there were only those that have no row.
    "CREATE TABLE datasets ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"  // ids are never used again
    "  name TEXT NOT NULL UNIQUE,"
    "  status TEXT NOT NULL CHECK (status IN ('waiting', 'importing', 'ready', 'failed')),"
    "  source_kind TEXT NOT NULL, source TEXT NOT NULL,"
    "  channels INTEGER NOT NULL, size INTEGER NOT NULL, fit TEXT NOT NULL, filter TEXT NOT NULL,"
    "  test_share REAL NOT NULL, seed INTEGER NOT NULL,"
    "  class_count INTEGER NOT NULL, train_count INTEGER NOT NULL, test_count INTEGER NOT NULL,"
    "  left_out_count INTEGER NOT NULL, classes TEXT NOT NULL, warnings TEXT NOT NULL,"
    "  bytes INTEGER NOT NULL, digest TEXT NOT NULL,"
    "  error_code TEXT NOT NULL, error_message TEXT NOT NULL, restart_count INTEGER NOT NULL,"
    "  created_at INTEGER NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL);"
    "CREATE TABLE dataset_removals (id INTEGER PRIMARY KEY);"
    "ALTER TABLE jobs ADD COLUMN dataset_id INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN dataset_name TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE jobs ADD COLUMN dataset_digest TEXT NOT NULL DEFAULT '';"
    "UPDATE jobs SET dataset_name = ifnull(json_extract(settings, '$.dataset'), '')"
    "  WHERE json_valid(settings);"
    "CREATE INDEX jobs_by_dataset ON jobs (dataset_id) WHERE dataset_id > 0;",

    // Trained models under names. What a version was trained on and how is copied into its row: the
    // job and the data set may go. A key lives as long as the version that came of it.
    "CREATE TABLE models ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"  // ids are never used again
    "  name TEXT NOT NULL UNIQUE, metadata TEXT NOT NULL,"
    "  last_version INTEGER NOT NULL,"         // nor are the numbers of versions
    "  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);"
    "CREATE TABLE model_versions ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  model_id INTEGER NOT NULL, version INTEGER NOT NULL,"
    "  source_kind TEXT NOT NULL, source_job_id INTEGER NOT NULL, source_step INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, network TEXT NOT NULL,"
    "  channels INTEGER NOT NULL, image_size INTEGER NOT NULL, classes INTEGER NOT NULL,"
    "  normalization TEXT NOT NULL, class_names TEXT NOT NULL, image TEXT NOT NULL,"
    "  dataset_id INTEGER NOT NULL, dataset_name TEXT NOT NULL, dataset_digest TEXT NOT NULL,"
    "  metrics TEXT NOT NULL, settings TEXT NOT NULL, environment TEXT NOT NULL,"
    "  evaluation TEXT NOT NULL, missing INTEGER NOT NULL, created_at INTEGER NOT NULL,"
    "  UNIQUE (model_id, version));"
    "CREATE TABLE model_aliases (model_id INTEGER NOT NULL, alias TEXT NOT NULL,"
    "  version INTEGER NOT NULL, PRIMARY KEY (model_id, alias)) WITHOUT ROWID;"
    "CREATE TABLE model_keys (key TEXT PRIMARY KEY, request TEXT NOT NULL,"
    "  version_id INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE model_removals (model_id INTEGER NOT NULL, version INTEGER NOT NULL,"
    "  PRIMARY KEY (model_id, version)) WITHOUT ROWID;"
    // Of a job that has ended, such as a model that it could not register.
    "ALTER TABLE jobs ADD COLUMN notice TEXT NOT NULL DEFAULT '';",

    // Evaluations. A job remembers that of its best checkpoint.
    "CREATE TABLE evaluations ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),"
    "  job_id INTEGER NOT NULL, step INTEGER NOT NULL,"
    "  model_id INTEGER NOT NULL, version INTEGER NOT NULL, model TEXT NOT NULL,"
    "  automatic INTEGER NOT NULL,"
    "  dataset_id INTEGER NOT NULL, dataset_key TEXT NOT NULL, dataset_name TEXT NOT NULL,"
    "  dataset_digest TEXT NOT NULL, split TEXT NOT NULL, example_limit INTEGER NOT NULL,"
    "  examples INTEGER NOT NULL, classes INTEGER NOT NULL, mistakes INTEGER NOT NULL,"
    "  loss REAL, accuracy REAL, top5_accuracy REAL, macro_f1 REAL, calibration_error REAL,"
    "  temperature REAL, seconds REAL,"
    "  error_code TEXT NOT NULL, error_message TEXT NOT NULL, restart_count INTEGER NOT NULL,"
    "  created_at INTEGER NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL);"
    "CREATE INDEX evaluations_by_job ON evaluations (job_id);"
    "CREATE INDEX evaluations_to_do ON evaluations (id) WHERE status IN ('queued', 'running');"
    "CREATE TABLE evaluation_figures (evaluation_id INTEGER PRIMARY KEY,"
    "  figures TEXT NOT NULL, class_names TEXT NOT NULL);"
    "CREATE TABLE evaluation_cells (evaluation_id INTEGER NOT NULL, truth INTEGER NOT NULL,"
    "  guess INTEGER NOT NULL, count INTEGER NOT NULL,"
    "  PRIMARY KEY (evaluation_id, truth, guess)) WITHOUT ROWID;"
    "CREATE TABLE evaluation_mistakes (evaluation_id INTEGER NOT NULL, rank INTEGER NOT NULL,"
    "  example INTEGER NOT NULL, truth INTEGER NOT NULL, guess INTEGER NOT NULL,"
    "  loss REAL, confidence REAL, truth_share REAL,"
    "  PRIMARY KEY (evaluation_id, rank)) WITHOUT ROWID;"
    "ALTER TABLE jobs ADD COLUMN evaluation_id INTEGER NOT NULL DEFAULT 0;",

    // Keys of everything that a request creates. A key lives as long as what came of it.
    "CREATE TABLE request_keys (kind TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL,"
    "  object_id INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;"
    "INSERT INTO request_keys SELECT 'job', key, request, job_id FROM idempotency_keys;"
    "INSERT INTO request_keys SELECT 'version', key, request, version_id FROM model_keys;"
    "CREATE INDEX keys_by_object ON request_keys (kind, object_id);"
    "DROP TABLE idempotency_keys;"
    "DROP TABLE model_keys;",

    "ALTER TABLE evaluations ADD COLUMN test_time_flips INTEGER NOT NULL DEFAULT 0;",

    // That a data set, a model or an evaluation was deleted is told for as long as it is of a job.
    "DROP INDEX events_deleted;"
    "CREATE INDEX events_deleted ON events (id) WHERE type = 'deleted' OR (job_id < 0 AND"
    "  coalesce(json_extract(data, '$.status'), json_extract(data, '$.action')) = 'deleted');",

    // What a client notes of a data set; what it calls an evaluation, and notes of it.
    "ALTER TABLE datasets ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';"
    "ALTER TABLE evaluations ADD COLUMN name TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE evaluations ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';",

    // What was found on training examples stood for a version's figures; it is among its evaluations
    // as before.
    ("UPDATE model_versions SET evaluation = 'null'"
     "  WHERE json_valid(evaluation) AND json_extract(evaluation, '$.split') = 'train';"),

    // A single event that is no JSON any more let every statement fail that touches it.
    ("DROP INDEX events_deleted;"
     "CREATE INDEX events_deleted ON events (id) WHERE type = 'deleted' OR (job_id < 0 AND"
     "  CASE WHEN json_valid(data) THEN"
     "  coalesce(json_extract(data, '$.status'), json_extract(data, '$.action')) END = 'deleted');"),
};
// clang-format on

static bool take_step(Db *db, const char *sql_of_step, int version, Error *err)
{
    char *sql = xasprintf("BEGIN IMMEDIATE; PRAGMA application_id = %d; %s"
                          " PRAGMA user_version = %d; COMMIT;",
                          SCHEMA_APPLICATION_ID, sql_of_step, version);
    const bool ok = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK;
    free(sql);
    if (ok)
        return true;
    sql_fail(db, err);
    sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return fail_in(err, "schema version %d", version);
}

bool schema_check_ours(Db *db, const char *path, Error *err)
{
    int64_t mark = 0, tables = 0;
    bool read = sql_number(db, err, &mark, "PRAGMA application_id", "");
    // The tables of ours may be in the log yet, and not to be read without it.
    if (read && mark == SCHEMA_APPLICATION_ID)
        return true;
    read = read && sql_number(db, err, &tables, "SELECT count(*) FROM sqlite_master", "");
    if (!read && sqlite3_errcode(db->sqlite) == SQLITE_NOTADB)
        return fail(err, ERR_INVALID, "%s is not a database", path);
    return read
           && ((mark == 0 && tables == 0)
               || fail(err, ERR_INVALID, "%s is a database of another program", path));
}

bool schema_apply(Db *db, const char *path, SchemaSteps steps, Error *err)
{
    int64_t version = 0;
    if (!schema_check_ours(db, path, err)
        || !sql_number(db, err, &version, "PRAGMA user_version", ""))
        return false;
    if (version > steps.count)
        return fail(err, ERR_INVALID,
                    "the store %s has schema version %" PRId64
                    ", this program knows up to %d: it was written by a newer one",
                    path, version, steps.count);
    for (int step = (int)version; step < steps.count; step++) {
        if (!take_step(db, steps.sql[step], step + 1, err))
            return false;
    }
    return true;
}

SchemaSteps schema_steps(void)
{
    return (SchemaSteps){STEPS, (int)COUNT(STEPS)};
}
