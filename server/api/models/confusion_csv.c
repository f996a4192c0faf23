#include "server/api/models/confusion_csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/base/text/csv_field.h"

enum { PIECE = 64 << 10 };  // bytes after which a piece ends, with its row

typedef struct {
    cJSON *names;
    CellList cells;
    int classes;
    bool began;
    const cJSON *name;  // of the next row; NULL: that was the last
    int truth;          // of the next row
    size_t cell;        // the first that is not of a row before
} ConfusionCsv;

static void write_names(const ConfusionCsv *csv, FILE *out)
{
    const cJSON *name;
    fputs("truth", out);
    cJSON_ArrayForEach(name, csv->names)
    {
        fputc(',', out);
        csv_field(out, name->valuestring);
    }
    fputs("\r\n", out);
}

static void write_row(ConfusionCsv *csv, FILE *out)
{
    const CellRow *cell = csv->cells.items + csv->cell, *end = csv->cells.items + csv->cells.count;
    csv_field(out, csv->name->valuestring);
    for (int guess = 0; guess < csv->classes; guess++) {
        const bool here = cell < end && cell->truth == csv->truth && cell->guess == guess;
        fprintf(out, ",%" PRId64, here ? cell->count : 0);
        cell += here;
    }
    fputs("\r\n", out);
    csv->cell = (size_t)(cell - csv->cells.items);
    csv->name = csv->name->next;
    csv->truth++;
}

static StreamStep next_rows(void *context, char **piece, size_t *size)
{
    ConfusionCsv *csv = context;
    if (csv->began && !csv->name)
        return STREAM_END;
    FILE *out = open_memstream(piece, size);
    if (!out)
        return STREAM_FAILED;
    if (!csv->began)
        write_names(csv, out);
    csv->began = true;
    while (csv->name && ftell(out) < PIECE)
        write_row(csv, out);
    if (fclose(out) == 0)
        return STREAM_PIECE;
    free(*piece);
    *piece = NULL;
    return STREAM_FAILED;
}

static void free_csv(void *context)
{
    ConfusionCsv *csv = context;
    cJSON_Delete(csv->names);
    cell_list_free(&csv->cells);
    free(csv);
}

BodyStream confusion_csv(cJSON *names, CellList cells)
{
    ConfusionCsv *csv = xcalloc(1, sizeof *csv);
    *csv = (ConfusionCsv){
        .names = names, .cells = cells, .classes = cJSON_GetArraySize(names), .name = names->child};
    return (BodyStream){.next = next_rows, .free = free_csv, .context = csv};
}
