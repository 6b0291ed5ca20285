/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.c - the certificate that the server shows.
 *
 * A handshake borrows a certificate for as long as it lasts, which the limits
 * of a connection bound, so one that was replaced is kept for longer than that.
 */
#include "serve/tls.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#define CHAIN_MAX 16u
#define KEPT_MAX 16u
#define KEPT_US (120 * LDR_SECOND)

/* A certificate, those that signed it, and its key. */
struct shown {
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned n_chain;
    gnutls_privkey_t key;
    larder_time replaced;
    struct shown *next; /* that was replaced before */
};

struct tls {
    char *certificate, *key; /* paths */
    pthread_mutex_t lock;    /* over `now` */
    struct shown *now;
};

/* The library's callback is given no context. Set while one is open. */
static _Atomic(struct tls *) current;

static void
free_shown(struct shown *shown)
{
    if (shown == NULL)
        return;
    for (unsigned i = 0; i < shown->n_chain; i++)
        gnutls_pcert_deinit(&shown->chain[i]);
    if (shown->key != NULL)
        gnutls_privkey_deinit(shown->key);
    free(shown);
}

/* ------------------------------------------------------------------- reading
 */

static larder_status
load_file(const char *path, gnutls_datum_t *out, larder_error *err)
{
    int rc = gnutls_load_file(path, out);

    if (rc != 0)
        return larder_fail(err, LARDER_IO, "%.200s cannot be read: %s", path,
            errno != 0 ? strerror(errno) : gnutls_strerror(rc));
    return LARDER_OK;
}

static larder_status
check_dates(const char *path, gnutls_x509_crt_t first, larder_time now,
    larder_error *err)
{
    larder_time from =
        (larder_time)gnutls_x509_crt_get_activation_time(first) * LDR_SECOND;
    larder_time until =
        (larder_time)gnutls_x509_crt_get_expiration_time(first) * LDR_SECOND;
    char text[33];

    if (now > until) {
        larder_time_print(until, text);
        return larder_fail(
            err, LARDER_INVALID, "%.200s expired at %s", path, text);
    }
    if (now < from) {
        larder_time_print(from, text);
        return larder_fail(
            err, LARDER_INVALID, "%.200s is not valid before %s", path, text);
    }
    return LARDER_OK;
}

static larder_status
load_chain(const char *path, larder_time now, struct shown *shown,
    gnutls_x509_crt_t *first, larder_error *err)
{
    gnutls_x509_crt_t *all = NULL;
    gnutls_datum_t text = {0};
    unsigned n = 0, size;
    int failed;
    larder_status rc;

    LARDER_TRY(load_file(path, &text, err));
    failed =
        gnutls_x509_crt_list_import2(&all, &n, &text, GNUTLS_X509_FMT_PEM, 0);
    gnutls_free(text.data);
    if (failed < 0 || n == 0 || n > CHAIN_MAX)
        return larder_fail(err, LARDER_INVALID,
            "%.200s has no certificates in PEM form: %s", path,
            failed < 0 ? gnutls_strerror(failed) : "none, or too many");
    size = n;
    rc = check_dates(path, all[0], now, err);
    if (rc == LARDER_OK &&
        gnutls_pcert_import_x509_list(shown->chain, all, &size, 0) != 0)
        rc = larder_fail(
            err, LARDER_INVALID, "%.200s is no usable certificate", path);
    else if (rc == LARDER_OK)
        shown->n_chain = size;
    for (unsigned i = 1; i < n; i++)
        gnutls_x509_crt_deinit(all[i]);
    *first = all[0];
    gnutls_free(all);
out:
    return rc;
}

static larder_status
load_key(const char *path, struct shown *shown, gnutls_x509_privkey_t *key,
    larder_error *err)
{
    gnutls_datum_t text = {0};
    int failed;
    larder_status rc;

    LARDER_TRY(load_file(path, &text, err));
    failed = gnutls_x509_privkey_init(key);
    if (failed == 0)
        failed = gnutls_x509_privkey_import2(
            *key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_memset(text.data, 0, text.size);
    gnutls_free(text.data);
    if (failed == 0)
        failed = gnutls_privkey_init(&shown->key);
    if (failed == 0)
        failed = gnutls_privkey_import_x509(
            shown->key, *key, GNUTLS_PRIVKEY_IMPORT_COPY);
    if (failed != 0)
        rc = larder_fail(err, LARDER_INVALID,
            "%.200s has no key in PEM form without a password: %s", path,
            gnutls_strerror(failed));
out:
    return rc;
}

static bool
belong_together(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key)
{
    unsigned char one[64], other[64];
    size_t n_one = sizeof one, n_other = sizeof other;

    return gnutls_x509_crt_get_key_id(
               certificate, GNUTLS_KEYID_USE_SHA256, one, &n_one) == 0 &&
           gnutls_x509_privkey_get_key_id(
               key, GNUTLS_KEYID_USE_SHA256, other, &n_other) == 0 &&
           n_one == n_other && memcmp(one, other, n_one) == 0;
}

static larder_status
load(const struct tls *tls, larder_time now, struct shown **out,
    larder_error *err)
{
    struct shown *shown = calloc(1, sizeof *shown);
    gnutls_x509_crt_t first = NULL;
    gnutls_x509_privkey_t key = NULL;
    larder_status rc;

    if (shown == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a certificate");
    LARDER_TRY(load_chain(tls->certificate, now, shown, &first, err));
    LARDER_TRY(load_key(tls->key, shown, &key, err));
    if (!belong_together(first, key))
        rc = larder_fail(err, LARDER_INVALID, "%.200s is not the key of %.200s",
            tls->key, tls->certificate);
out:
    if (first != NULL)
        gnutls_x509_crt_deinit(first);
    if (key != NULL)
        gnutls_x509_privkey_deinit(key);
    if (rc == LARDER_OK)
        *out = shown;
    else
        free_shown(shown);
    return rc;
}

/* ------------------------------------------------------------------- showing
 */

larder_status
tls_open(const char *certificate, const char *key, larder_time now,
    struct tls **out, larder_error *err)
{
    struct tls *tls = calloc(1, sizeof *tls);
    larder_status rc;

    if (tls != NULL) {
        pthread_mutex_init(&tls->lock, NULL);
        tls->certificate = strdup(certificate);
        tls->key = strdup(key);
    }
    if (tls == NULL || tls->certificate == NULL || tls->key == NULL)
        rc = larder_fail(err, LARDER_NOMEM, "no memory for a certificate");
    else
        rc = load(tls, now, &tls->now, err);
    if (rc != LARDER_OK) {
        tls_close(tls);
        return rc;
    }
    atomic_store(&current, tls);
    *out = tls;
    return LARDER_OK;
}

/* Those that were replaced long ago, no handshake has any more. */
static size_t
forget_old(struct shown *first, larder_time now)
{
    size_t n = 0;

    for (struct shown **link = &first->next; *link != NULL;) {
        struct shown *shown = *link;

        if (now - shown->replaced > KEPT_US) {
            *link = shown->next;
            free_shown(shown);
        } else {
            link = &shown->next;
            n++;
        }
    }
    return n;
}

larder_status
tls_reload(struct tls *tls, larder_time now, larder_error *err)
{
    struct shown *fresh = NULL;
    larder_status rc;

    if (forget_old(tls->now, now) >= KEPT_MAX)
        return larder_fail(err, LARDER_BUSY,
            "certificates were replaced %u times within two minutes", KEPT_MAX);
    rc = load(tls, now, &fresh, err);
    if (rc != LARDER_OK)
        return rc;
    pthread_mutex_lock(&tls->lock);
    fresh->next = tls->now;
    tls->now->replaced = now;
    tls->now = fresh;
    pthread_mutex_unlock(&tls->lock);
    return LARDER_OK;
}

static int
give(gnutls_session_t session, const gnutls_datum_t *authorities,
    int n_authorities, const gnutls_pk_algorithm_t *algorithms,
    int n_algorithms, gnutls_pcert_st **chain, unsigned *n_chain,
    gnutls_privkey_t *key)
{
    struct tls *tls = atomic_load(&current);

    (void)session;
    (void)authorities;
    (void)n_authorities;
    (void)algorithms;
    (void)n_algorithms;
    if (tls == NULL)
        return -1;
    pthread_mutex_lock(&tls->lock);
    *chain = tls->now->chain;
    *n_chain = tls->now->n_chain;
    *key = tls->now->key;
    pthread_mutex_unlock(&tls->lock);
    return 0;
}

union callback {
    gnutls_certificate_retrieve_function2 *function;
    void *pointer;
};

void *
tls_callback(void)
{
    return (union callback){.function = give}.pointer;
}

const char *
tls_versions(void)
{
    return "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
}

void
tls_close(struct tls *tls)
{
    if (tls == NULL)
        return;
    atomic_store(&current, NULL);
    while (tls->now != NULL) {
        struct shown *shown = tls->now;

        tls->now = shown->next;
        free_shown(shown);
    }
    pthread_mutex_destroy(&tls->lock);
    free(tls->certificate);
    free(tls->key);
    free(tls);
}
