/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes.h - numbers as bytes, whatever the machine's own order.
 *
 * Little endian (le) where a number is only read back; "ordered" (big endian,
 * sign flipped) where memcmp must put the bytes as the numbers are.
 */
#ifndef LDR_BYTES_H
#define LDR_BYTES_H

#include <stdint.h>

static inline void
ldr_put_le32(unsigned char *bytes, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
}

static inline uint32_t
ldr_get_le32(const unsigned char *bytes)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 4; i++)
        value |= (uint32_t)bytes[i] << 8 * i;
    return value;
}

static inline void
ldr_put_le64(unsigned char *bytes, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
}

static inline uint64_t
ldr_get_le64(const unsigned char *bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static inline void
ldr_put_be32(unsigned char *bytes, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(value >> (24 - 8 * i));
}

static inline void
ldr_put_be64(unsigned char *bytes, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> (56 - 8 * i));
}

static inline uint64_t
ldr_get_be64(const unsigned char *bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* An integer as an unsigned number of the same order. */
static inline uint64_t
ldr_integer_rank(int64_t value)
{
    return (uint64_t)value ^ UINT64_C(1) << 63;
}

static inline void
ldr_put_ordered(unsigned char *bytes, int64_t value)
{
    ldr_put_be64(bytes, ldr_integer_rank(value));
}

static inline int64_t
ldr_get_ordered(const unsigned char *bytes)
{
    return (int64_t)(ldr_get_be64(bytes) ^ UINT64_C(1) << 63);
}

#endif
