#include "server/settings/spec_set.h"

#include <stdio.h>

#include "core/data/packed/packed.h"

SpecSet spec_set_known(const DatasetInfo *info)
{
    SpecSet set = {
        .known = true,
        .image = info->image,
        .classes = info->classes,
        .train_count = info->train_count,
        .test_count = info->test_count,
    };
    snprintf(set.name, sizeof set.name, "%s", info->name);
    return set;
}

SpecSet spec_set_folder(const char *folder)
{
    SpecSet set = {.image = {1, 28, 28}, .classes = 10};
    PackedIndex *index;
    if (!packed_is(folder) || !packed_read_index(folder, &index, NULL))
        return set;
    set = (SpecSet){
        .known = true,
        .mapped = true,
        .image = index->info.image,
        .classes = index->info.classes,
        .train_count = index->counts[PACKED_TRAIN],
        .test_count = index->counts[PACKED_TEST],
    };
    snprintf(set.digest, sizeof set.digest, "%s", index->digest);
    packed_index_free(index);
    return set;
}
