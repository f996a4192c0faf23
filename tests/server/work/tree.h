/* tests/server/work/tree.h -- files under a folder of their own, like those of /sys/fs/cgroup. */
#pragma once

typedef struct {
    char root[64];
} Tree;

/* cmocka's set-up and tear-down: *state is a Tree. */
int tree_set_up(void **state);
int tree_tear_down(void **state);

/* Write `text` to `name` under the root, making the folders on the way. */
void tree_put(const Tree *tree, const char *name, const char *text);
