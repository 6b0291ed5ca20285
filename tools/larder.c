/* SPDX-License-Identifier: Apache-2.0 */
/*
 * larder.c - the command: it opens a door.
 */
#include "door.h"

int
main(int argc, char **argv)
{
    return door_cli(argc, argv);
}
