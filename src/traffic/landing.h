/*
 * landing.h
 *	  What a landing address says about its visit: campaign parameters and click ids.
 */
#ifndef MHUB_LANDING_H
#define MHUB_LANDING_H

#include "traffic/click_id.h"
#include "traffic/url_parts.h"

typedef enum MhubLandingField
{
	MHUB_LANDING_SOURCE,
	MHUB_LANDING_MEDIUM,
	MHUB_LANDING_CAMPAIGN,
	MHUB_LANDING_TERM,
	MHUB_LANDING_CONTENT,
	MHUB_LANDING_CAMPAIGN_ID,
	MHUB_LANDING_N_FIELDS
} MhubLandingField;

typedef struct MhubLanding
{
	char	   *fields[MHUB_LANDING_N_FIELDS];
	int			ranks[MHUB_LANDING_N_FIELDS];	/* of the convention each was taken from */
	const MhubClickId *click;	/* whose value is click_id */
	char	   *click_id;
	const MhubClickId *network; /* the best one that tells a network */
	bool		paid;			/* a parameter that only ads carry */
	const char *ad_network;		/* whose ads have addresses of this form; NULL: no sign of one */
	const char *share;			/* the app the address was shared in; NULL: no sign of it */
} MhubLanding;

extern void mhub_landing_read(const MhubUrl *url, MhubLanding *landing);

#endif							/* MHUB_LANDING_H */
