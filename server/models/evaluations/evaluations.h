/* server/models/evaluations/evaluations.h -- evaluations as clients see them: create, look at,
 * cancel, delete.
 *
 *     queued --> running --> succeeded
 *        |          |
 *        +- cancel -+------> failed
 *
 * Every call may come from any thread; answers are copies; a call that changes something returns
 * true once the change is on disk. A thread (server/work/evaluator.h) takes the queued ones, oldest
 * first, one at a time, beside the trainings. One that a death of the daemon has ended begins
 * again. Evaluations of a job's checkpoint go with the job.
 *
 * The best checkpoint of a job that succeeds is queued in the same transaction that ends the job
 * (server/jobs/runs_record.c).
 *
 * Lock order: store, evaluations, events, log. No lock is held while a network computes.
 *
 * Errors   ERR_NOT_FOUND: no such evaluation. ERR_CONFLICT: its status or a limit forbids it.
 *          ERR_IO, ERR_NO_SPACE: the store or the disk.
 */
#pragma once
#include "server/base/files.h"
#include "server/jobs/jobs.h"
#include "server/models/models.h"

typedef struct Evaluations Evaluations;

typedef struct {
    const char *data;  // folder of everything that must last
    int most;          // stored at a time
    Jobs *jobs;        // whose store and lock are used; borrowed, as all here
    Models *models;    // whose versions are evaluated; NULL: none are
    Log *log;
} EvaluationsConfig;

/* Those that were running are queued again. */
bool evaluations_open(const EvaluationsConfig *config, Evaluations **evaluations, Error *err);
void evaluations_close(Evaluations *evaluations);  // no thread uses it any more; takes NULL

/* ---- For clients ---- */

/* What came of the key before: to be asked before the request is looked at. ERR_CONFLICT: it came
 * with another request. */
bool evaluations_replay(Evaluations *evaluations, RequestKey key, EvaluationRow *row,
                        bool *replayed, Error *err);

/* Queue one: source, data set, split, limit and flips are read, the rest is filled in. *replayed:
 * the key was used before for the same request, and *row is what came of it. ERR_CONFLICT: it was
 * used for another, or the store is full (reason "store_full"). */
bool evaluations_create(Evaluations *evaluations, RequestKey key, EvaluationRow *row,
                        bool *replayed, Error *err);

bool evaluations_get(Evaluations *evaluations, int64_t id, EvaluationRow *row, Error *err);
bool evaluations_list(Evaluations *evaluations, const EvaluationQuery *query, EvaluationList *list,
                      Error *err);

/* What one that has succeeded has found. */
bool evaluations_cells(Evaluations *evaluations, int64_t id, CellList *list, Error *err);
bool evaluations_mistakes(Evaluations *evaluations, const MistakeQuery *query, MistakeList *list,
                          Error *err);

/* Alters name and metadata of an evaluation, inside the change, so that nothing comes between; it
 * may read all of it by evaluations_get. False leaves everything as it is; *err says why. */
typedef bool (*EvaluationEditor)(void *context, EvaluationRow *row, Error *err);
bool evaluations_edit(Evaluations *evaluations, int64_t id, EvaluationEditor edit, void *context,
                      Error *err);

/* Asked about an evaluation inside the change that ends it, so that nothing comes between; it may
 * read it by evaluations_get. False leaves everything as it is; *err says why. */
typedef struct {
    bool (*allow)(void *context, int64_t id, Error *err);
    void *context;
} EvaluationGuard;

/* End it: failed, with the code "cancelled". May be repeated. ERR_CONFLICT: it has come to its end
 * (reason "evaluation_is_done"). `guard` may be NULL. */
bool evaluations_cancel(Evaluations *evaluations, int64_t id, const EvaluationGuard *guard,
                        EvaluationRow *row, Error *err);

/* With all it has found; one that runs is ended. `guard` may be NULL. */
bool evaluations_delete(Evaluations *evaluations, int64_t id, const EvaluationGuard *guard,
                        Error *err);

/* ---- For the thread that evaluates ---- */

/* Wait for one to do. False: evaluations_leave was called. */
bool evaluations_take(Evaluations *evaluations, EvaluationRow *row);

/* What the one taken needs: the model's file, and of its training, where that is known, settings
 * and kernels. ERR_NOT_FOUND: the file is gone. */
typedef struct {
    Path path;
    char *settings, *kernels;  // from malloc; NULL: not known
} EvaluationModel;

bool evaluations_model(Evaluations *evaluations, const EvaluationRow *row, EvaluationModel *model,
                       Error *err);
void evaluation_model_free(EvaluationModel *model);
/* Whether that file is out of reach for now, as on a disk that is not mounted, and not deleted. */
bool evaluations_model_away(Evaluations *evaluations, const EvaluationRow *row);

/* How far the one taken has come. False: end it, it was cancelled or the daemon leaves. Cheap. */
bool evaluations_progress(Evaluations *evaluations, int64_t done, int64_t total);
bool evaluations_go_on(Evaluations *evaluations);  // the same question alone
/* Let a second pass; as evaluations_go_on. `why` goes to the log; NULL: nothing does. */
bool evaluations_pause(Evaluations *evaluations, const char *why);

/* What came of it. */
typedef struct {
    bool succeeded;
    char code[DATASET_WORD], message[DATASET_TEXT];  // why not; "": the thread was told to end
    EvaluationRow found;  // its figures and texts, from examples to class_names
    CellList cells;
    MistakeList mistakes;
} EvaluationOutcome;

void evaluation_outcome_free(EvaluationOutcome *outcome);

/* End the one taken. Waits for a disk that is full, until the daemon leaves: then it begins again
 * at the next start. */
void evaluations_finish(Evaluations *evaluations, const EvaluationOutcome *outcome);

/* No more from now on: evaluations_take and evaluations_progress answer false. */
void evaluations_leave(Evaluations *evaluations);
