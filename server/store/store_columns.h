/* server/store/store_columns.h -- rows of a table as structs: which column is which field. Only
 * the files of the store include this.
 *
 * Every such table has `id INTEGER PRIMARY KEY AUTOINCREMENT`, which is the struct's first field,
 * an int64_t.
 */
#pragma once
#include "server/store/store_sql.h"

/* A column and the field of the struct that it holds. OBJECT and ARRAY, also OR_NULL, are texts
 * from malloc that are JSON; "" stands for null, too. */
typedef struct {
    const char *name;
    enum {
        INT64,
        INT,
        REAL,
        CHARS,
        OBJECT,
        ARRAY,
        OBJECT_OR_NULL,
        ARRAY_OR_NULL,
        WORD,
    } type;
    size_t offset;
    size_t size;               // of CHARS
    const char *const *words;  // of WORD: an enum that counts from 0; NULL-terminated
} Column;

#define COLUMN(row, column, type, field)                                                           \
    {                                                                                              \
        column, type, offsetof(row, field), 0, NULL                                                \
    }
#define COLUMN_CHARS(row, column, field)                                                           \
    {                                                                                              \
        column, CHARS, offsetof(row, field), sizeof((row *)0)->field, NULL                         \
    }
#define COLUMN_WORD(row, column, field, words)                                                     \
    {                                                                                              \
        column, WORD, offsetof(row, field), 0, words                                               \
    }

typedef struct {
    const char *name;
    const Column *columns;  // without the id
    size_t count;
    size_t damage;  // of the field `char *damage`: see row_whole
} Table;

/* "SELECT id, name, ...", to be freed. */
char *table_select(const Table *table);

/* Fill the fields of a zeroed `row` from a statement that began with table_select. Texts that
 * should be JSON are read as they stand; the first that is none is told in the field `damage`. */
void table_read(const Table *table, sqlite3_stmt *stmt, void *row);

/* What a text of that column should be and is not, as a sentence from malloc; NULL: it is. */
char *column_damage(const char *table, int64_t id, const char *column, const char *text,
                    char opening, bool may_be_null);

/* A new row, which is given its id; one that is there already. */
bool table_add(const Table *table, Db *db, void *row, Error *err);
bool table_save(const Table *table, Db *db, const void *row, Error *err);

/* The word's place among NULL-terminated `words`; the last one's for a word that is not there. */
int word_index(const char *const *words, const char *word);
