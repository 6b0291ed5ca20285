/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf.h - the few forms of protobuf's wire format that Feast's values
 * have.
 *
 * For feast_row.c and feast_value.c. Reading never steps beyond the bytes it
 * was given, and knows no recursion: a message in a message is bytes.
 */
#ifndef LDR_PROTOBUF_H
#define LDR_PROTOBUF_H

#include "data/row.h"
#include "larder.h"

typedef enum ldr_wire {
    LDR_WIRE_VARINT = 0,
    LDR_WIRE_64 = 1,
    LDR_WIRE_BYTES = 2,
    LDR_WIRE_32 = 5
} ldr_wire;

/* One field of a message: `number` for all wires but bytes. */
typedef struct ldr_wire_field {
    uint64_t id;
    ldr_wire wire;
    uint64_t number;
    larder_bytes bytes;
} ldr_wire_field;

#define LDR_VARINT_BYTES 10u

/* How many bytes it took. */
size_t ldr_varint_write(uint64_t value, unsigned char bytes[LDR_VARINT_BYTES]);
/* Take one off what is left; false: there is none. */
bool ldr_varint_take(larder_bytes *rest, uint64_t *value);
bool ldr_wire_take(larder_bytes *rest, ldr_wire_field *field);

/* Append. NOMEM. */
larder_status ldr_varint_put(
    ldr_buffer *out, uint64_t value, larder_error *err);
larder_status ldr_wire_put(
    ldr_buffer *out, unsigned id, ldr_wire wire, larder_error *err);
larder_status ldr_wire_put_bytes(
    ldr_buffer *out, unsigned id, larder_bytes bytes, larder_error *err);

#endif
