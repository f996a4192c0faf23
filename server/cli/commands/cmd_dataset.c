/* googlenetd dataset import -- pictures of one's own become a data set, here and now. (`dataset
 * verify` is in cmd_dataset_verify.c.) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/dataset_text.h"
#include "server/cli/output.h"
#include "server/cli/run/interrupt.h"
#include "server/data/import/import.h"
#include "server/data/intake/split.h"
#include "server/work/import_set.h"
#include "server/work/machine/cpus.h"

/* ---- Options ---- */

typedef struct {
    ImportConfig config;
    int jobs;
    bool json;
} DatasetArgs;

static bool take_channels(void *settings, const char *name, const char *text, Error *err)
{
    if (strcmp(text, "1") != 0 && strcmp(text, "3") != 0)
        return fail(err, ERR_INVALID, "--%s must be 1 (grey) or 3 (colour), got %s", name, text);
    ((DatasetArgs *)settings)->config.image.channels = text[0] - '0';
    return true;
}

static bool take_fit(void *settings, const char *name, const char *text, Error *err)
{
    return fit_from_name(text, &((DatasetArgs *)settings)->config.image.fit)
           || fail(err, ERR_INVALID, "--%s must be crop, pad or stretch, got %s", name, text);
}

static bool take_filter(void *settings, const char *name, const char *text, Error *err)
{
    return filter_from_name(text, &((DatasetArgs *)settings)->config.image.filter)
           || fail(err, ERR_INVALID, "--%s must be bilinear or bicubic, got %s", name, text);
}

static bool take_share(void *settings, const char *name, const char *text, Error *err)
{
    char *end;
    const double share = strtod(text, &end);
    if (end == text || *end != '\0' || !(share >= 0 && share <= SPLIT_MAX_SHARE))
        return fail(err, ERR_INVALID, "--%s must be a number from 0 to %g, got \"%.40s\"", name,
                    SPLIT_MAX_SHARE, text);
    ((DatasetArgs *)settings)->config.test_share = share;
    return true;
}

static bool take_seed(void *settings, const char *name, const char *text, Error *err)
{
    const unsigned long long most = (1ull << 53) - 1;
    char *end;
    errno = 0;
    const unsigned long long seed = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno || seed > most)
        return fail(err, ERR_INVALID, "--%s must be a whole number from 0 to %llu, got \"%.40s\"",
                    name, most, text);
    ((DatasetArgs *)settings)->config.seed = seed;
    return true;
}

#define AT(field) .offset = offsetof(DatasetArgs, field)
static const Option OPTIONS[] = {
    {"out", "DIR", "the folder to make; it may be there if it is empty", OPTION_TEXT,
     AT(config.folder)},
    {"channels", "1|3", "grey or colour; else 3", OPTION_CALL, .take = take_channels},
    {"size", "N", "side of the stored pictures in pixels; else 96", OPTION_INT,
     AT(config.image.size), .min = IMAGE_SIZE_MIN, .max = IMAGE_SIZE_MAX},
    {"fit", "WORD", "crop (the centre), pad (with black) or stretch to the square; else crop",
     OPTION_CALL, .take = take_fit},
    {"filter", "WORD", "bilinear or bicubic; else bilinear", OPTION_CALL, .take = take_filter},
    {"test-share", "X", "part of each class for testing, where the source has no split; else 0.2",
     OPTION_CALL, .take = take_share},
    {"seed", "N", "of that split; else 0", OPTION_CALL, .take = take_seed},
    {"jobs", "N", "pictures decoded side by side; else as many as there are cores", OPTION_INT,
     AT(jobs), .min = 1, .max = 256},
    {"json", NULL, "print the whole report as JSON", OPTION_FLAG, AT(json)},
};

static const Syntax SYNTAX = {
    .usage = "dataset import FOLDER|ARCHIVE --out DIR [--size N] [--channels 1|3] ...",
    .about =
        "Make a data set of pictures: JPEG, PNG and WebP, told by content, in a folder, a zip, a\n"
        "tar or a tar.gz. It may be a folder per class; train/ and test/ (or val/) with a folder\n"
        "per class in each; a CSV of file, label and optionally split; or the four files of an\n"
        "MNIST-like set. `googlenetd train JOB.json --set dataset=DIR/` trains on it.\n\n"
        "Prints what was found: classes, sizes, duplicates, and what was left out and why. All\n"
        "of that is in DIR/report.json. DIR is there whole or not at all.\n\n"
        "Exit code: 0 done, 1 failed, 2 faulty arguments, 128 and the signal's number when one\n"
        "ended it.",
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
    .min_words = 1,
    .max_words = 1,
};

/* ---- The folder ---- */

/* Without the slashes at its end; from malloc. */
static char *folder_name(const char *out)
{
    char *folder = xstrdup(out);
    for (size_t length = strlen(folder); length > 1 && folder[length - 1] == '/';)
        folder[--length] = '\0';
    return folder;
}

/* Open to those whom it was open to. */
static void put_back(const char *folder, const struct stat *was)
{
    if (mkdir(folder, 0700) != 0)
        return;
    (void)!chown(folder, was->st_uid, was->st_gid);  // not allowed to everybody
    chmod(folder, was->st_mode & 07777);
}

/* An empty folder gives way to the set at last, and stays where there is none, however the program
 * ends. That it can give way is found out before the work. */
static bool check_folder(const char *folder, Error *err)
{
    struct stat was;
    if (lstat(folder, &was) == 0 && rmdir(folder) == 0) {
        put_back(folder, &was);
        return true;
    }
    if (errno == ENOENT)
        return true;
    if (errno == ENOTEMPTY || errno == EEXIST)
        return fail(err, ERR_CONFLICT, "%s is not empty", folder);
    if (errno == ENOTDIR)
        return fail(err, ERR_CONFLICT, "%s is not a folder", folder);
    if (errno == EINVAL)
        return fail(err, ERR_CONFLICT, "%s cannot be made anew: give it by its own name", folder);
    return fail(err, ERR_IO, "cannot replace %s: %s", folder, strerror(errno));
}

/* ---- The command ---- */

static int report_end(const DatasetArgs *a, const ImportReport *report, double seconds)
{
    if (a->json) {
        import_report_json(report, stdout);
        return EXIT_OK;
    }
    Output out = {0};
    dataset_text_print(&out, report, a->config.folder, seconds);
    return output_finish(&out, EXIT_OK);
}

static int run_import(DatasetArgs *a)
{
    ImportReport report = {0};
    Error err = {0};
    int exit_code = EXIT_FAILED;
    DatasetProgress progress = dataset_progress_new(!a->json);
    const double start = clock_seconds();
    a->config.progress = dataset_progress_show;
    a->config.context = &progress;
    const bool ok = check_folder(a->config.folder, &err) && import_run(&a->config, &report, &err);
    dataset_progress_end(&progress);
    if (ok)
        exit_code = report_end(a, &report, clock_seconds() - start);
    else
        output_error("%s", err.message);
    if (!ok && (err.code == ERR_NOT_FOUND || err.code == ERR_CONFLICT))
        exit_code = EXIT_USAGE;
    if (!ok && interrupt_signal())
        exit_code = 128 + interrupt_signal();
    import_report_free(&report);
    return exit_code;
}

static int usage(void)
{
    fprintf(stderr,
            "Usage: googlenetd %s\n       googlenetd dataset verify DIR...\n"
            "More with `googlenetd dataset import --help`.\n",
            SYNTAX.usage);
    return EXIT_USAGE;
}

int cmd_dataset(int argc, char **argv)
{
    DatasetArgs a = {.config = {.image = image_spec_default(), .test_share = SPLIT_DEFAULT_SHARE}};
    int first_word, exit_code;
    if (argc > 1 && strcmp(argv[1], "verify") == 0)
        return cmd_dataset_verify(argc - 1, argv + 1);
    const bool named = argc > 1 && strcmp(argv[1], "import") == 0;
    if (!named && (argc < 2 || argv[1][0] != '-'))
        return usage();
    if (!args_read(&SYNTAX, argc - named, argv + named, &a, &first_word, &exit_code))
        return exit_code;
    if (!named || !a.config.folder) {
        if (named)
            output_error("--out is needed: the folder to make");
        return usage();
    }
    interrupt_install();
    char *folder = folder_name(a.config.folder);
    a.config.source = (argv + named)[first_word];
    a.config.folder = folder;
    a.config.jobs = cpus_granted(a.jobs);
    a.config.pixel_memory = import_pixel_memory();
    exit_code = run_import(&a);
    free(folder);
    return exit_code;
}
