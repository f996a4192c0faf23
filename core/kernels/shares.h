/* core/kernels/shares.h -- how evenly work is shared by a team of threads. */
#pragma once

/* How many of `items` pieces the busiest of `threads` gets. */
static inline int shares_most(int items, int threads)
{
    return (items + threads - 1) / threads;
}

/* The rows of a block, `largest` or a half or a quarter of that, that give the busiest thread the
 * least work: `rows` are cut into blocks, each of which comes `columns` times. Small teams take
 * large blocks, whose products run faster, and large teams get enough of them. */
static inline int shares_block_rows(int rows, int columns, int largest, int threads)
{
    enum { SMALLEST = 8, FIXED_COST = 4 };  // in rows: what a block costs besides its products
    int best = largest, least = 0;
    for (int block = largest; block >= SMALLEST; block /= 2) {
        const int blocks = (rows + block - 1) / block * columns;
        const int cost = shares_most(blocks, threads) * (block + FIXED_COST);
        if (least == 0 || cost < least) {
            least = cost;
            best = block;
        }
    }
    return best;
}
