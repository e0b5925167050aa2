/*
 * slot_load.h
 *	  Reading a slot's rows and compiling them.
 */
#ifndef MHUB_SLOT_LOAD_H
#define MHUB_SLOT_LOAD_H

#include "content/slot.h"

extern void slot_load(Slot *slot);

#endif							/* MHUB_SLOT_LOAD_H */
