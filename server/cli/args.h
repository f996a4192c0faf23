/* server/cli/args.h -- the options of a command: one table that parses and explains.
 *
 * Every command also has --help and --version.
 */
#pragma once
#include <stddef.h>
#include <stdio.h>

#include "core/base/error.h"
#include "core/models/models.h"
#include "core/train/precision.h"
#include "server/base/faults.h"

/* What a command returns to the shell; 128 + signal when one ended it. */
enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,  // the command line or the job file is wrong
};

typedef enum {
    OPTION_FLAG,       // bool: true once it is given
    OPTION_INT,        // int, `min` to `max`
    OPTION_TEXT,       // const char *, not empty; the last one counts
    OPTION_LIST,       // TextList: each that is given is added
    OPTION_PRECISION,  // Precision, by its name
    OPTION_CALL,       // `take` is called with its value
} OptionKind;

/* Texts of its own, to be freed with the list. */
typedef struct {
    const char **items;
    int count;
} TextList;

void text_list_add(TextList *list, const char *text);
void text_list_free(TextList *list);

/* An option of a command: --name VALUE or --name=VALUE. */
typedef struct {
    const char *name;   // "out"
    const char *value;  // "DIR"; NULL for a flag
    const char *help;
    OptionKind kind;
    size_t offset;  // of its field in the command's settings
    int min, max;
    bool (*take)(void *settings, const char *name, const char *text, Error *err);
} Option;

typedef struct {
    const char *usage;  // "train JOB.json [--out DIR]", what follows the program's name
    const char *about;  // a paragraph
    const Option *options;
    int option_count;
    int min_words, max_words;    // arguments that are not options
    void (*explain)(FILE *out);  // prints more for --help; may be NULL
} Syntax;

/* Read a command's arguments; argv[0] is the command's name. True: go on, with the words (those
 * that are not options) at argv + *first_word. False: leave with *exit_code; all is said. */
bool args_read(const Syntax *syntax, int argc, char **argv, void *settings, int *first_word,
               int *exit_code);

/* Whether this CPU is made for that precision; if not, that is on stderr. */
bool args_precision_fits(Precision precision);

/* The network of that name; NULL, with the names that there are on stderr. */
const Model *args_model(const char *name);

/* Each fault on a line of stderr: "job.json: /epochs must be 1 to 100000, got 0". */
void args_print_faults(const char *label, const Faults *faults);

/* Version, oneDNN's version and the instructions that it will use, to stdout. */
void print_version(void);
