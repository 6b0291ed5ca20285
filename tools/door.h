/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door.h - the ways in. A door parses a request, runs one operation of the
 * table, and says how it ended.
 */
#ifndef DOOR_H
#define DOOR_H

/* One operation from a command line; gives the exit code. */
int door_cli(int argc, char **argv);

#endif
