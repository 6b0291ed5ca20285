/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token.h - the tokens that a server knows: a file of hashes, what each may do,
 * and which feature views it may do it with.
 *
 * A line is ID:SCOPES:SHA256[:VIEWS], such as
 *     loader:read,push:9f86d0...:hcp_*,visits
 * Blank lines and those that begin with '#' say nothing. The token itself is
 * nowhere in the file.
 */
#ifndef SERVE_TOKEN_H
#define SERVE_TOKEN_H

#include "larder.h"
#include "serve/route.h"

#define TOKEN_ID_ROOM 49   /* an id has up to 48 bytes */
#define TOKEN_TEXT_ROOM 80 /* of a token that we make */
#define TOKEN_LINE_ROOM 1024
#define TOKENS_MAX 1000u

struct token;
struct tokens;

const char *scope_name(enum scope scope);

/* INVALID (the file's mode, owner or words; by file and line), IO. */
larder_status tokens_open(
    const char *path, struct tokens **out, larder_error *err);
/* Read the file again; on failure the tokens stay as they are. */
larder_status tokens_reload(struct tokens *tokens, larder_error *err);
size_t tokens_count(struct tokens *tokens);
/* The token with this text, held until token_release(), or NULL. Takes as long
 * whichever it is, and where it is none. */
const struct token *tokens_take(struct tokens *tokens, larder_bytes text);
void token_release(const struct token *token);
void tokens_close(struct tokens *tokens);

const char *token_id(const struct token *token);
bool token_may(const struct token *token, enum scope scope);
/* May it concern this feature view? Of a token without patterns, all. */
bool token_covers(const struct token *token, larder_bytes view);

/* Make a token of 256 random bits and the line that lets it in. `scopes` and
 * `views` are comma lists; `views` may be NULL. INVALID, IO. */
larder_status token_make(const char *id, const char *scopes, const char *views,
    char text[TOKEN_TEXT_ROOM], char line[TOKEN_LINE_ROOM], larder_error *err);
/* Append a line to a file, made for its owner alone if there is none. INVALID
 * (also an id that is there), IO. */
larder_status token_append(
    const char *path, const char *id, const char *line, larder_error *err);

#endif
