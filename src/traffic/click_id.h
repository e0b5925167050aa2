/*
 * click_id.h
 *	  The parameters that advertising networks add to a landing address.
 */
#ifndef MHUB_CLICK_ID_H
#define MHUB_CLICK_ID_H

#include "common/pgcompat.h"

/* From this rank on a parameter tells the network, but its value is no click's id (or is a person's). */
#define MHUB_CLICK_QUALIFIER 90

/*
 * One parameter.  network, source and medium are what it says by itself; all
 * NULL for a name that several networks use, which says something only beside
 * a known source.
 */
typedef struct MhubClickId
{
	const char *parameter;		/* lower case */
	const char *network;
	const char *source;
	const char *medium;
	bool		paid;			/* only ads carry it */
	int			rank;			/* the smallest present gives the click id */
} MhubClickId;

extern const MhubClickId mhub_click_ids[];
extern const int mhub_n_click_ids;

extern const MhubClickId *mhub_find_click_id(const char *parameter);
extern const char *mhub_network_of_source(const char *source);

extern const MhubClickId *mhub_ad_click_id(const char *parameter);
extern bool mhub_is_kuaishou_callback(const char *parameter, const char *value);

#endif							/* MHUB_CLICK_ID_H */
