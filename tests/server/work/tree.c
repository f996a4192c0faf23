#include "tests/server/work/tree.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/check.h"

int tree_set_up(void **state)
{
    Tree *tree = xcalloc(1, sizeof *tree);
    strcpy(tree->root, "/tmp/googlenetd-test-XXXXXX");
    assert_non_null(mkdtemp(tree->root));
    *state = tree;
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

int tree_tear_down(void **state)
{
    Tree *tree = *state;
    nftw(tree->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(tree);
    return 0;
}

void tree_put(const Tree *tree, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", tree->root, name);
    for (char *slash = path + strlen(tree->root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) > 0);
    assert_int_equal(fclose(file), 0);
}
