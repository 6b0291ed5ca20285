/* SPDX-License-Identifier: Apache-2.0 */
/*
 * users_lmdb.c - who else has an LMDB store open, and whose turn it is.
 *
 * Among processes: larder.lock carries two locks. All users hold it shared
 * (flock), and a writer holds its first byte (fcntl). Its text is the PID
 * namespace of the users: LMDB clears a dead reader only if it can see that the
 * reader's process is gone.
 *
 * Inside one process: a list of the folders in use, because a second handle on
 * the same files would drop the first one's locks. The list is all that is
 * shared by a whole process here, since LMDB demands it; a mutex guards it, and
 * a forked child finds it empty: what it inherited it may not use.
 */
#include "users_lmdb.h"
#include "folder_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

larder_status
ldr_lmdb_pause(const larder_call *call, larder_error *err)
{
    struct timespec moment = {.tv_nsec = 300000};

    nanosleep(&moment, NULL);
    return larder_call_check(call, err);
}

/* ------------------------------------------------------- inside one process */

static struct {
    pthread_mutex_t mutex;
    pthread_once_t once;
    ldr_lmdb_user *first;
    atomic_uint n_forks; /* that made this process out of another */
} users = {.mutex = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static void
before_fork(void)
{
    pthread_mutex_lock(&users.mutex);
}

static void
after_fork(void)
{
    pthread_mutex_unlock(&users.mutex);
}

static void
after_fork_in_child(void)
{
    users.first = NULL;
    atomic_fetch_add(&users.n_forks, 1);
    pthread_mutex_unlock(&users.mutex);
}

static void
watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

bool
ldr_lmdb_users_same_process(const ldr_lmdb_user *user)
{
    return user->n_forks ==
           atomic_load_explicit(&users.n_forks, memory_order_relaxed);
}

/* Put it on the list, unless its folder is there already. */
static larder_status
enlist(ldr_lmdb_user *user, const char *path, larder_error *err)
{
    struct stat what;
    ldr_lmdb_user *other;

    if (stat(path, &what) != 0)
        return ldr_lmdb_folder_fail(path, "open", errno, err);
    (void)pthread_once(&users.once, watch_forks);
    pthread_mutex_lock(&users.mutex);
    for (other = users.first; other != NULL; other = other->next)
        if (other->device == what.st_dev && other->inode == what.st_ino)
            break;
    if (other == NULL) {
        *user = (ldr_lmdb_user){.joined = true,
            .lock = -1,
            .n_forks = atomic_load(&users.n_forks),
            .device = what.st_dev,
            .inode = what.st_ino,
            .next = users.first};
        users.first = user;
    }
    pthread_mutex_unlock(&users.mutex);
    if (other == NULL)
        return LARDER_OK;
    larder_fail(err, LARDER_BUSY, "'%s' is already open in this process", path);
    larder_hint(err, "share one larder_store between its threads");
    return LARDER_BUSY;
}

void
ldr_lmdb_users_leave(ldr_lmdb_user *user)
{
    ldr_lmdb_user **at = &users.first;

    if (!user->joined)
        return;
    pthread_mutex_lock(&users.mutex);
    while (*at != NULL && *at != user)
        at = &(*at)->next;
    if (*at != NULL)
        *at = user->next;
    pthread_mutex_unlock(&users.mutex);
    if (user->lock >= 0)
        close(user->lock);
    *user = (ldr_lmdb_user){0};
}

/* --------------------------------------------------------- among processes */

/* The PID namespace of this process; 0: unknown. */
static unsigned long long
own_namespace(void)
{
    struct stat what;

    return stat("/proc/self/ns/pid", &what) == 0 ? what.st_ino : 0;
}

static unsigned long long
read_namespace(int lock)
{
    char text[32] = "";
    ssize_t size = pread(lock, text, sizeof text - 1, 0);

    return size > 0 ? strtoull(text, NULL, 10) : 0;
}

/* As the only user for a moment, say which namespace is here. */
static bool
write_namespace(int lock)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%llu\n", own_namespace());

    errno = EIO; /* for a short write */
    return ftruncate(lock, 0) == 0 &&
           pwrite(lock, text, (size_t)size, 0) == size;
}

/* Share the lock of the open file; alone for a moment, sign it. */
static larder_status
share_lock(
    const char *path, int lock, const larder_call *call, larder_error *err)
{
    struct stat what;

    if (flock(lock, LOCK_EX | LOCK_NB) == 0 && !write_namespace(lock))
        return ldr_lmdb_folder_fail(path, "open", errno, err);
    while (flock(lock, LOCK_SH | LOCK_NB) != 0) {
        larder_status rc;

        if (errno != EWOULDBLOCK && errno != EINTR)
            return ldr_lmdb_folder_fail(path, "open", errno, err);
        rc = ldr_lmdb_pause(call, err);
        if (rc != LARDER_OK)
            return rc;
    }
    if (fstat(lock, &what) == 0 && what.st_nlink == 0)
        return larder_fail(
            err, LARDER_NOT_FOUND, "'%s' was removed by another process", path);
    return LARDER_OK;
}

/* Can the other users and we see each other's processes? */
static larder_status
check_namespace(const char *path, int lock, larder_error *err)
{
    unsigned long long ours = own_namespace(), theirs = read_namespace(lock);

    if (ours == 0 || theirs == 0 || ours == theirs)
        return LARDER_OK;
    larder_fail(err, LARDER_BUSY,
        "'%s' is open in another container: its processes and ours cannot see "
        "each other",
        path);
    larder_hint(err, "close it there, or share the PID namespace");
    return LARDER_BUSY;
}

larder_status
ldr_lmdb_users_join(ldr_lmdb_user *user, const char *path,
    const larder_call *call, larder_error *err)
{
    char *name = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(enlist(user, path, err));
    name = ldr_lmdb_folder_name(path, "/" LDR_LMDB_LOCK);
    if (name == NULL)
        LARDER_TRY(larder_fail(err, LARDER_NOMEM, "out of memory"));
    user->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0664);
    if (user->lock < 0)
        LARDER_TRY(ldr_lmdb_folder_fail(path, "open", errno, err));
    LARDER_TRY(share_lock(path, user->lock, call, err));
    LARDER_TRY(check_namespace(path, user->lock, err));
out:
    free(name);
    if (rc != LARDER_OK)
        ldr_lmdb_users_leave(user);
    return rc;
}

larder_status
ldr_lmdb_users_alone(
    const ldr_lmdb_user *user, const char *path, larder_error *err)
{
    if (flock(user->lock, LOCK_EX | LOCK_NB) == 0)
        return LARDER_OK;
    while (flock(user->lock, LOCK_SH) != 0 && errno == EINTR)
        continue;
    return larder_fail(err, LARDER_BUSY,
        "'%s' is open in another process; close it there first", path);
}

static int
set_turn(int lock, short kind)
{
    struct flock turn = {.l_type = kind, .l_whence = SEEK_SET, .l_len = 1};

    return fcntl(lock, F_SETLK, &turn);
}

larder_status
ldr_lmdb_users_turn(const ldr_lmdb_user *user, const char *path,
    const larder_call *call, larder_error *err)
{
    while (set_turn(user->lock, F_WRLCK) != 0) {
        larder_status rc;

        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return ldr_lmdb_folder_fail(path, "lock", errno, err);
        rc = ldr_lmdb_pause(call, err);
        if (rc != LARDER_OK) {
            larder_context(err, "waiting to write '%s'", path);
            return rc;
        }
    }
    return LARDER_OK;
}

void
ldr_lmdb_users_turn_end(const ldr_lmdb_user *user)
{
    (void)set_turn(user->lock, F_UNLCK);
}
