/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - the certificate that the server shows, and the key it proves it with.
 */
#ifndef SERVE_TLS_H
#define SERVE_TLS_H

#include "larder.h"

struct tls;

/* Two files of PEM: a certificate with those that signed it, and its key. One
 * at a time in a process. INVALID (no PEM, not of one another, expired, or not
 * valid yet: named), IO. */
larder_status tls_open(const char *certificate, const char *key,
    larder_time now, struct tls **out, larder_error *err);
/* The files again, for new connections. On failure the old ones stay. */
larder_status tls_reload(struct tls *tls, larder_time now, larder_error *err);
/* What libmicrohttpd asks for a certificate: a
 * gnutls_certificate_retrieve_function2. */
void *tls_callback(void);
const char *tls_versions(void); /* that are spoken, in GnuTLS's words */
/* After the last connection is closed. */
void tls_close(struct tls *tls);

#endif
