/*
 * effect.h
 *	  What steps do to the world, as bits.
 */
#ifndef MHUB_WORKFLOW_EFFECT_H
#define MHUB_WORKFLOW_EFFECT_H

#define WF_EFFECT_MESSAGE	1
#define WF_EFFECT_TASK		2
#define WF_EFFECT_WEBHOOK	4
#define WF_EFFECT_UPDATE	8
#define WF_EFFECT_ENTER		16
#define WF_EFFECT_LEAVE		32
#define WF_EFFECT_SEGMENT	64
#define WF_EFFECT_ENDED		128 /* not of a step: another workflow waits for the end */

#endif							/* MHUB_WORKFLOW_EFFECT_H */
