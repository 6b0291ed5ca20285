/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes.h - numbers as bytes, whatever the machine's own order.
 *
 * Little endian (le) where a number is only read back; "ordered" (big endian,
 * sign flipped) where memcmp must put the bytes as the numbers are. Written out
 * byte by byte, since compilers make one load or store of that, but not of a
 * loop.
 */
#ifndef LDR_BYTES_H
#define LDR_BYTES_H

#include <stdint.h>

static inline void
ldr_put_le32(unsigned char *bytes, uint32_t value)
{
    bytes[0] = (unsigned char)value;
    bytes[1] = (unsigned char)(value >> 8);
    bytes[2] = (unsigned char)(value >> 16);
    bytes[3] = (unsigned char)(value >> 24);
}

static inline uint32_t
ldr_get_le32(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
           (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static inline void
ldr_put_le64(unsigned char *bytes, uint64_t value)
{
    bytes[0] = (unsigned char)value;
    bytes[1] = (unsigned char)(value >> 8);
    bytes[2] = (unsigned char)(value >> 16);
    bytes[3] = (unsigned char)(value >> 24);
    bytes[4] = (unsigned char)(value >> 32);
    bytes[5] = (unsigned char)(value >> 40);
    bytes[6] = (unsigned char)(value >> 48);
    bytes[7] = (unsigned char)(value >> 56);
}

static inline uint64_t
ldr_get_le64(const unsigned char *bytes)
{
    return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 |
           (uint64_t)bytes[2] << 16 | (uint64_t)bytes[3] << 24 |
           (uint64_t)bytes[4] << 32 | (uint64_t)bytes[5] << 40 |
           (uint64_t)bytes[6] << 48 | (uint64_t)bytes[7] << 56;
}

static inline void
ldr_put_be32(unsigned char *bytes, uint32_t value)
{
    bytes[0] = (unsigned char)(value >> 24);
    bytes[1] = (unsigned char)(value >> 16);
    bytes[2] = (unsigned char)(value >> 8);
    bytes[3] = (unsigned char)value;
}

static inline void
ldr_put_be64(unsigned char *bytes, uint64_t value)
{
    bytes[0] = (unsigned char)(value >> 56);
    bytes[1] = (unsigned char)(value >> 48);
    bytes[2] = (unsigned char)(value >> 40);
    bytes[3] = (unsigned char)(value >> 32);
    bytes[4] = (unsigned char)(value >> 24);
    bytes[5] = (unsigned char)(value >> 16);
    bytes[6] = (unsigned char)(value >> 8);
    bytes[7] = (unsigned char)value;
}

static inline uint64_t
ldr_get_be64(const unsigned char *bytes)
{
    return (uint64_t)bytes[0] << 56 | (uint64_t)bytes[1] << 48 |
           (uint64_t)bytes[2] << 40 | (uint64_t)bytes[3] << 32 |
           (uint64_t)bytes[4] << 24 | (uint64_t)bytes[5] << 16 |
           (uint64_t)bytes[6] << 8 | (uint64_t)bytes[7];
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
