/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guess.h - which types the columns of a file have, by all their values.
 *
 * bool, int64, float64 or timestamp where every value reads as one, else text;
 * of JSON also lists. A number that begins with a needless 0, such as a postal
 * code, is text.
 */
#ifndef GUESS_H
#define GUESS_H

#include "input.h"

/* Reads all of the file, which is then at its beginning again. The schema lives
 * in the run's arena. INVALID, also when the file cannot be read twice; IO. */
larder_status guess_schema(struct run *run, const struct input *input,
    int32_t naive_offset_minutes, larder_schema *out, larder_error *err);

#endif
