/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf.c - the few forms of protobuf's wire format that Feast's values
 * have.
 */
#include "data/protobuf.h"

#include <string.h>

#include "data/bytes.h"

size_t
ldr_varint_write(uint64_t value, unsigned char bytes[LDR_VARINT_BYTES])
{
    size_t n = 0;

    for (; value > 0x7fu; value >>= 7)
        bytes[n++] = (unsigned char)(value | 0x80u);
    bytes[n++] = (unsigned char)value;
    return n;
}

bool
ldr_varint_take(larder_bytes *rest, uint64_t *value)
{
    const unsigned char *at = rest->data;
    uint64_t read = 0;

    for (size_t i = 0; i < rest->size && i < LDR_VARINT_BYTES; i++) {
        if (i == LDR_VARINT_BYTES - 1 && at[i] > 1)
            return false;
        read |= (uint64_t)(at[i] & 0x7fu) << 7 * i;
        if (at[i] > 0x7fu)
            continue;
        *rest = (larder_bytes){at + i + 1, rest->size - i - 1};
        *value = read;
        return true;
    }
    return false;
}

static bool
take_bytes(larder_bytes *rest, uint64_t size, larder_bytes *out)
{
    const unsigned char *at = rest->data;

    if (size > rest->size)
        return false;
    *out = (larder_bytes){at, (size_t)size};
    *rest = (larder_bytes){at + size, rest->size - (size_t)size};
    return true;
}

bool
ldr_wire_take(larder_bytes *rest, ldr_wire_field *field)
{
    uint64_t tag = 0;

    if (!ldr_varint_take(rest, &tag) || tag >> 3 == 0)
        return false;
    *field = (ldr_wire_field){.id = tag >> 3, .wire = (ldr_wire)(tag & 7u)};
    switch (tag & 7u) {
    case LDR_WIRE_VARINT:
        return ldr_varint_take(rest, &field->number);
    case LDR_WIRE_64:
        if (!take_bytes(rest, 8, &field->bytes))
            return false;
        field->number = ldr_get_le64(field->bytes.data);
        return true;
    case LDR_WIRE_32:
        if (!take_bytes(rest, 4, &field->bytes))
            return false;
        field->number = ldr_get_le32(field->bytes.data);
        return true;
    case LDR_WIRE_BYTES:
        return ldr_varint_take(rest, &field->number) &&
               take_bytes(rest, field->number, &field->bytes);
    }
    return false; /* groups, which nobody writes any more */
}

larder_status
ldr_varint_put(ldr_buffer *out, uint64_t value, larder_error *err)
{
    larder_status rc = ldr_buffer_reserve(out, LDR_VARINT_BYTES, err);

    if (rc == LARDER_OK)
        out->size += ldr_varint_write(value, out->data + out->size);
    return rc;
}

larder_status
ldr_wire_put(ldr_buffer *out, unsigned id, ldr_wire wire, larder_error *err)
{
    return ldr_varint_put(out, (uint64_t)id << 3 | (uint64_t)wire, err);
}

larder_status
ldr_wire_put_bytes(
    ldr_buffer *out, unsigned id, larder_bytes bytes, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(ldr_wire_put(out, id, LDR_WIRE_BYTES, err));
    LARDER_TRY(ldr_varint_put(out, bytes.size, err));
    LARDER_TRY(ldr_buffer_reserve(out, bytes.size, err));
    if (bytes.size > 0)
        memcpy(out->data + out->size, bytes.data, bytes.size);
    out->size += bytes.size;
out:
    return rc;
}
