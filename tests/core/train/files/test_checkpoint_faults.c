/* tests/core/train/files/test_checkpoint_faults.c -- saving and loading a checkpoint with the n-th
 * call to the system failing, for every n, and the order of the calls.
 *
 * The linker sends the core's calls through the __wrap_ functions below (--wrap), which write them
 * down and let a chosen one fail. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/layers/linear.h"
#include "core/train/files/checkpoint.h"
#include "tests/check.h"

/* ---- The layer of faults ---- */

typedef enum { NO_CALL, OPEN, READ, WRITE, FSYNC, RENAME, MALLOC, CALLOC } Call;

static struct {
    bool on;
    Call call;     // that fails, at its n-th time
    int n, error;  // errno then; 0: a write or read that is cut short
    int seen;      // calls of that kind
    bool hit;
    char log[4096];  // "open tmp, write tmp, ..."
} faults;

static void arm(Call call, int n, int error)
{
    memset(&faults, 0, sizeof faults);
    faults.on = true;
    faults.call = call;
    faults.n = n;
    faults.error = error;
}

static void disarm(void)
{
    faults.on = false;
}

/* "tmp" for a temporary, "folder" for a folder, "file" for the rest. */
static const char *kind_of(const char *path)
{
    struct stat info;
    if (strstr(path, ".tmp-"))
        return "tmp";
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode) ? "folder" : "file";
}

static const char *kind_of_fd(int fd)
{
    static char path[512];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return kind_of(path);
}

/* Writes the call down, but for repeated ones; whether it is to fail, with errno set. */
static bool fails(Call call, const char *name, const char *kind)
{
    if (!faults.on)
        return false;
    char entry[64];
    snprintf(entry, sizeof entry, "%s %s, ", name, kind);
    const size_t length = strlen(faults.log), size = strlen(entry);
    const bool again = length >= size && strcmp(faults.log + length - size, entry) == 0;
    if (*kind && !again)
        snprintf(faults.log + length, sizeof faults.log - length, "%s", entry);
    if (call != faults.call || ++faults.seen != faults.n)
        return false;
    faults.hit = true;
    errno = faults.error;
    return true;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    if (fails(OPEN, "open", kind_of(path)))
        return -1;
    return __real_open(path, flags, 0644);
}

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    if (fails(WRITE, "write", kind_of_fd(fd))) {
        if (faults.error)
            return -1;
        size = (size + 1) / 2;
    }
    return __real_write(fd, bytes, size);
}

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
    if (fails(READ, "read", kind_of_fd(fd))) {
        if (faults.error)
            return -1;
        size = (size + 1) / 2;
    }
    return __real_read(fd, bytes, size);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return fails(FSYNC, "fsync", kind_of_fd(fd)) ? -1 : __real_fsync(fd);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    return fails(RENAME, "rename", kind_of(from)) ? -1 : __real_rename(from, to);
}

/* Allocations of a few bytes never fail (core/base/memory.h); a file or a store may. */
enum { LARGE = 700 };

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return size >= LARGE && fails(MALLOC, "malloc", "") ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    const bool large = size == sizeof(float) && count >= LARGE / sizeof(float);
    return large && fails(CALLOC, "calloc", "") ? NULL : __real_calloc(count, size);
}

/* ---- The fixture ---- */

typedef struct {
    char folder[64];
    char path[128];
    ParamStore *params;
} Fixture;

static void fill(const ParamStore *params, float first)
{
    for (size_t i = 0; i < params->count; i++) {
        params->values[i] = first + (float)i;
        if (params->slots[SLOT_MOMENTUM])
            params->slots[SLOT_MOMENTUM][i] = first - (float)i;
    }
}

static int setup(void **state)
{
    Error err = {0};
    Fixture *f = xcalloc(1, sizeof *f);
    Graph *g = graph_new((Shape){40, 1, 1});
    linear(g, graph_input(g), "out", (Linear){.out = 5});
    CHECK_OK(params_new(g, &f->params, &err), err);
    CHECK_OK(params_need_slot(f->params, SLOT_MOMENTUM, &err), err);
    graph_free(g);
    snprintf(f->folder, sizeof f->folder, "/tmp/test_checkpoint_faults.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/checkpoint.safetensors", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    unlink(f->path);
    rmdir(f->folder);
    params_free(f->params);
    free(f);
    return 0;
}

static int entries_of(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *e; (e = readdir(dir));)
        count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void save(const Fixture *f, int64_t step)
{
    Error err = {0};
    TrainState s = train_state_start();
    s.step = step;
    fill(f->params, (float)step);
    CHECK_OK(checkpoint_save(f->path, f->params, &s, NULL, NULL, &err), err);
}

/* The step of the whole checkpoint that is there. */
static int64_t step_of(const Fixture *f)
{
    Error err = {0};
    TrainState s = train_state_start();
    CHECK_OK(checkpoint_load(f->path, f->params, &s, NULL, &err), err);
    assert_true(f->params->values[3] == (float)s.step + 3);
    assert_true(f->params->slots[SLOT_MOMENTUM][3] == (float)s.step - 3);
    return s.step;
}

/* ---- Tests ---- */

static void the_calls_come_in_the_order_that_makes_a_file_last(void **state)
{
    const Fixture *f = *state;
    arm(NO_CALL, 0, 0);
    save(f, 1);
    disarm();
    assert_string_equal(faults.log, "open folder, open tmp, write tmp, fsync tmp, rename tmp, "
                                    "fsync folder, ");
}

/* Save step 2 over step 1 with one call failing; false once no call was left to fail. */
static bool save_with_a_fault(const Fixture *f, Call call, int n, int error)
{
    Error err = {0};
    TrainState s = train_state_start();
    s.step = 2;
    save(f, 1);
    fill(f->params, 2);
    const int open_before = entries_of("/proc/self/fd");
    arm(call, n, error);
    const bool saved = checkpoint_save(f->path, f->params, &s, NULL, NULL, &err);
    disarm();
    assert_int_equal(entries_of("/proc/self/fd"), open_before);
    assert_int_equal(entries_of(f->folder), 1);
    // A short write is no fault, and a folder that cannot be forced leaves the new file.
    const bool renamed = strstr(faults.log, "rename tmp, fsync folder, ") != NULL;
    assert_int_equal(saved, !faults.hit || error == 0);
    assert_int_equal(step_of(f), renamed ? 2 : 1);
    if (!saved) {
        assert_int_equal(err.code, error == ENOSPC ? ERR_NO_SPACE : ERR_IO);
        assert_non_null(strstr(err.message, strerror(error)));
    }
    return faults.hit;
}

static void a_failed_save_leaves_the_old_file_and_nothing_else(void **state)
{
    const Fixture *f = *state;
    static const struct {
        Call call;
        int error;
        int least;  // calls there must be
    } CASES[] = {{OPEN, EMFILE, 2}, {OPEN, EACCES, 2}, {WRITE, ENOSPC, 4}, {WRITE, EIO, 4},
                 {WRITE, 0, 4},     {FSYNC, EIO, 2},   {RENAME, EIO, 1},   {RENAME, EROFS, 1}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        int n = 1;
        while (save_with_a_fault(f, CASES[i].call, n, CASES[i].error))
            n++;
        assert_true(n > CASES[i].least);
    }
}

/* Load step 1 into parameters of step 9 with one call failing. */
static bool load_with_a_fault(const Fixture *f, Call call, int n, int error)
{
    Error err = {0};
    TrainState s = train_state_start();
    s.step = 9;
    save(f, 1);
    fill(f->params, 9);
    free(f->params->slots[SLOT_MOMENTUM]);
    f->params->slots[SLOT_MOMENTUM] = NULL;
    const int open_before = entries_of("/proc/self/fd");
    arm(call, n, error);
    const bool loaded = checkpoint_load(f->path, f->params, &s, NULL, &err);
    disarm();
    assert_int_equal(entries_of("/proc/self/fd"), open_before);
    const bool fault = faults.hit && !(call == READ && error == 0);
    assert_int_equal(loaded, !fault);
    assert_int_equal(s.step, loaded ? 1 : 9);
    assert_true(f->params->values[3] == (float)s.step + 3);
    if (!loaded)
        assert_int_equal(err.code, call == MALLOC || call == CALLOC ? ERR_NO_MEMORY : ERR_IO);
    CHECK_OK(params_need_slot(f->params, SLOT_MOMENTUM, &err), err);
    return faults.hit;
}

static void a_failed_load_changes_nothing(void **state)
{
    const Fixture *f = *state;
    static const struct {
        Call call;
        int error;
    } CASES[] = {{OPEN, EMFILE}, {READ, EIO}, {READ, 0}, {MALLOC, ENOMEM}, {CALLOC, ENOMEM}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        int n = 1;
        while (load_with_a_fault(f, CASES[i].call, n, CASES[i].error))
            n++;
        assert_true(n > 1);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_calls_come_in_the_order_that_makes_a_file_last),
        cmocka_unit_test(a_failed_save_leaves_the_old_file_and_nothing_else),
        cmocka_unit_test(a_failed_load_changes_nothing),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, setup, teardown);
}
