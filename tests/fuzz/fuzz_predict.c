/* Fuzz target: the body of a request to predict. The first byte chooses its type. Whatever the
 * bytes, reading them ends with pictures that lie inside, with faults or with an error. */
#include <assert.h>
#include <string.h>

#include "core/base/text.h"
#include "server/api/models/predict_body.h"
#include "server/api/models/v2_tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_pictures(const char *type, const char *body, size_t size)
{
    PredictBody b;
    Faults faults = {0};
    Error err = {0};
    volatile unsigned sum = 0;
    const bool ok = predict_body_read(type, body, size, &b, &faults, &err);
    assert(ok == (err.code == ERR_NONE && faults.count == 0));
    for (int i = 0; i < b.count; i++)
        for (size_t k = 0; k < b.items[i].size; k++)
            sum += b.items[i].bytes[k];
    (void)sum;
    for (int i = 0; i < faults.count && i < FAULTS_MAX; i++)
        assert(utf8_valid(faults.items[i].pointer) && utf8_valid(faults.items[i].detail));
    predict_body_free(&b);
}

static void check_tensors(const char *body, size_t size)
{
    const V2Shape shape = {1, 2};
    V2Request r;
    Faults faults = {0};
    Error err = {0};
    volatile float sum = 0;
    const bool ok = v2_request_read(body, size, &shape, &r, &faults, &err);
    assert(ok == (err.code == ERR_NONE && faults.count == 0));
    for (int i = 0; ok && i < r.count * 4; i++)
        sum += r.images[i];
    (void)sum;
    assert(!ok || (r.count > 0 && r.output_count > 0));
    v2_request_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const TYPES[] = {"multipart/form-data; boundary=b", "application/json",
                                        "image/png"};
    if (size == 0)
        return 0;
    const char *body = (const char *)bytes + 1;
    if (bytes[0] % 4 == 3)
        check_tensors(body, size - 1);
    else
        check_pictures(TYPES[bytes[0] % 4], body, size - 1);
    return 0;
}
