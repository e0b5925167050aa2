/*
 * settings.h
 *	  Settings of collection.
 */
#ifndef MHUB_COLLECT_SETTINGS_H
#define MHUB_COLLECT_SETTINGS_H

extern void mhub_collect_init(void);

#endif							/* MHUB_COLLECT_SETTINGS_H */
