/*
 * record.h
 *	  The steps of recording a batch, each in its own file.
 */
#ifndef MHUB_RECORD_H
#define MHUB_RECORD_H

#include "collect/collect.h"

typedef enum MhubIpPolicy
{
	MHUB_IP_TRUNCATE,
	MHUB_IP_FULL,
	MHUB_IP_NONE
} MhubIpPolicy;

/* Settings */
extern int	mhub_clock_skew_threshold;	/* seconds */
extern int	mhub_ip_policy;

/* record.c: how many batches are being recorded; more than one when a trigger collects, too */
extern int	mhub_batches_under_way;

/* prepare.c: what is missing is filled in, what cannot be is rejected */
extern void mhub_prepare_event(MhubEventBatch *batch, MhubEvent *event);
extern void mhub_reject_event(MhubEvent *event, const char *reason, const char *detail);

/* dedupe.c, event_rows.c, event_counter.c: one statement each, connected to SPI */
extern void mhub_claim_messages(MhubEventBatch *batch);
extern void mhub_forget_messages(MhubEventBatch *batch);
extern void mhub_insert_events(MhubEventBatch *batch);
extern void mhub_count_events(MhubEventBatch *batch);

#endif							/* MHUB_RECORD_H */
